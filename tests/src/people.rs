//! A fictional company: people with international names, in a CSV file as messy as real ones.
//!
//! The same seed and size always give the same company, so that a test can say exactly what a run has to
//! do. All names are put together from lists, all addresses use domains reserved for examples (RFC 2606).

use crate::dice::Dice;
use std::fmt::Write as _;

/// The columns of the file, in order.
pub const HEADER: &str = "employee_id,given_name,family_name,preferred_name,email,phone,mobile,job_title,\
department,division,cost_center,manager_id,status,start_date,locale";

/// One person, as the company's file has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The key: `E00001`.
    pub id: String,
    /// First name.
    pub given_name: String,
    /// Last name; empty for people who have one name only.
    pub family_name: String,
    /// What they like to be called; mostly empty.
    pub preferred_name: String,
    /// Work address; unique in the company.
    pub email: String,
    /// Desk phone, in the many ways people write one.
    pub phone: String,
    /// Mobile phone; often empty.
    pub mobile: String,
    /// Job title; sometimes empty.
    pub job_title: String,
    /// Department.
    pub department: String,
    /// Division.
    pub division: String,
    /// Cost centre, with leading zeros that must survive.
    pub cost_center: String,
    /// The key of their manager; empty for the head of the company.
    pub manager_id: String,
    /// `active`, or one of the other words such files use.
    pub status: String,
    /// First day, as `YYYY-MM-DD`.
    pub start_date: String,
    /// Language and region: `de-DE`.
    pub locale: String,
}

/// A company, and the rows of its file that are not people.
#[derive(Debug, Clone)]
pub struct Company {
    /// The people whose rows are fine.
    pub people: Vec<Person>,
    /// Rows that cannot be provisioned; each is one failure of a run. Their keys can be read, so nobody
    /// is taken for a leaver because of them.
    pub broken: Vec<String>,
    next_id: usize,
    dice: Dice,
}

impl Company {
    /// A company of `size` people whose rows are fine, with a few broken rows on top.
    #[must_use]
    pub fn new(seed: u64, size: usize) -> Self {
        let mut company = Self::tidy(seed, size);
        company.break_some_rows();
        company
    }

    /// A company of `size` people in a file without a broken row.
    #[must_use]
    pub fn tidy(seed: u64, size: usize) -> Self {
        let mut company =
            Self { people: Vec::with_capacity(size), broken: Vec::new(), next_id: 1, dice: Dice::new(seed) };
        company.hire(size);
        company
    }

    /// Hires `count` people.
    pub fn hire(&mut self, count: usize) {
        for _ in 0..count {
            let person = self.next_person();
            self.people.push(person);
        }
    }

    /// Lets `count` people go, from all over the company, and gives their reports to the head. Says who left.
    pub fn leave(&mut self, count: usize) -> Vec<String> {
        let mut left = Vec::with_capacity(count);
        while left.len() < count && self.people.len() > 1 {
            // The head of the company stays.
            let index = 1 + self.dice.below(self.people.len() - 1);
            left.push(self.people.remove(index).id);
        }
        let head = self.people[0].id.clone();
        for person in &mut self.people {
            if left.contains(&person.manager_id) {
                person.manager_id.clone_from(&head);
            }
        }
        left
    }

    /// How many people report to one of `managers`; they change when those leave.
    #[must_use]
    pub fn reports_of(&self, managers: &[String]) -> usize {
        self.people.iter().filter(|person| managers.contains(&person.manager_id)).count()
    }

    /// Gives somebody a new family name, as after a wedding. Says who.
    pub fn rename_one(&mut self) -> String {
        let index = self.dice.below(self.people.len());
        let person = &mut self.people[index];
        person.family_name = "Lindqvist-O'Hara".to_owned();
        person.id.clone()
    }

    /// The file: header, people, and the broken rows spread among them.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::with_capacity(self.people.len() * 140);
        text.push_str(HEADER);
        text.push('\n');
        let gap = self.people.len() / (self.broken.len() + 1) + 1;
        let mut broken = self.broken.iter();
        for (index, person) in self.people.iter().enumerate() {
            if index > 0 && index % gap == 0 {
                broken.next().into_iter().for_each(|row| push_line(&mut text, row));
            }
            push_line(&mut text, &person.to_row());
        }
        broken.for_each(|row| push_line(&mut text, row));
        text
    }

    /// A configuration that syncs the company's file, `people.csv`, to a provider, through both example
    /// modules. The token is in `SCIM_TOKEN`.
    #[must_use]
    pub fn configuration(base_url: &str) -> String {
        format!(
            r#"[source.hr]
type = "csv"
path = "people.csv"
key = "employee_id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
match = ["externalId", "userName"]
modules = ["corp-user"]
defaults = ["corp-defaults"]
deprovision = "disable"
max_deprovision = "5%"

[module.corp-user]
settings = {{ domain = "example.com" }}
"#
        )
    }

    fn break_some_rows(&mut self) {
        let twice = self.people[self.people.len() / 2].to_row();
        self.broken = vec![
            // Two cells are missing.
            "X90001,Row,Short,,row.short@example.com,,,Clerk,Sales,EMEA,0042,E00001,active".to_owned(),
            // A word for the status that nobody knows.
            "X90002,Odd,Status,,odd.status@example.com,,,Clerk,Sales,EMEA,0042,E00001,perhaps,2024-01-01,en-GB".to_owned(),
            // An address that is none.
            "X90003,No,Address,,no.address.example.com,,,Clerk,Sales,EMEA,0042,E00001,active,2024-01-01,en-GB".to_owned(),
            // Somebody's row, pasted twice.
            twice,
        ];
    }

    fn next_person(&mut self) -> Person {
        let number = self.next_id;
        self.next_id += 1;
        let dice = &mut self.dice;
        let culture = &CULTURES[dice.below(CULTURES.len())];
        let (given_name, given_ascii) = culture.given[dice.below(culture.given.len())];
        let (family_name, family_ascii) = culture.family[dice.below(culture.family.len())];
        let (department, division) = DEPARTMENTS[dice.below(DEPARTMENTS.len())];
        // A tree of managers, eight reports each; every hundredth comes before their manager in no order
        // at all, so that references have to wait.
        let manager_id = match number {
            1 => String::new(),
            n if n % 100 == 50 => format!("E{:05}", n + 1),
            n => format!("E{:05}", n.div_ceil(8).max(1).min(n - 1)),
        };
        let email = if family_ascii.is_empty() {
            format!("{given_ascii}{number}@example.com")
        } else {
            format!("{given_ascii}.{family_ascii}{number}@example.com")
        };
        let messy = dice.below(20);
        Person {
            id: format!("E{number:05}"),
            given_name: if messy == 0 { format!("  {given_name} ") } else { given_name.to_owned() },
            family_name: family_name.to_owned(),
            preferred_name: if dice.below(15) == 0 { culture.given[0].0.to_owned() } else { String::new() },
            email: if messy == 1 { email.to_uppercase() } else { email },
            phone: phone(dice, culture.country_code),
            mobile: if dice.below(3) == 0 { phone(dice, culture.country_code) } else { String::new() },
            job_title: if dice.below(12) == 0 {
                String::new()
            } else {
                TITLES[dice.below(TITLES.len())].to_owned()
            },
            department: department.to_owned(),
            division: division.to_owned(),
            cost_center: format!("{:04}", dice.below(400)),
            manager_id,
            status: if dice.below(25) == 0 { "on leave" } else { "active" }.to_owned(),
            start_date: format!(
                "20{:02}-{:02}-{:02}",
                dice.below(25),
                1 + dice.below(12),
                1 + dice.below(28)
            ),
            locale: culture.locale.to_owned(),
        }
    }
}

impl Person {
    /// The person's columns and cells, in the order of the file.
    #[must_use]
    pub fn cells(&self) -> Vec<(&'static str, &str)> {
        let cells = [
            &self.id,
            &self.given_name,
            &self.family_name,
            &self.preferred_name,
            &self.email,
            &self.phone,
            &self.mobile,
            &self.job_title,
            &self.department,
            &self.division,
            &self.cost_center,
            &self.manager_id,
            &self.status,
            &self.start_date,
            &self.locale,
        ];
        HEADER.split(',').zip(cells.map(String::as_str)).collect()
    }

    fn to_row(&self) -> String {
        let cells: Vec<String> = self.cells().into_iter().map(|(_, cell)| quoted(cell)).collect();
        cells.join(",")
    }
}

/// RFC 4180: a cell with a comma, a quote or a line break stands in quotes, quotes doubled.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn push_line(text: &mut String, row: &str) {
    text.push_str(row);
    text.push('\n');
}

/// A number from the ranges set aside for fiction, in one of the ways people write it.
fn phone(dice: &mut Dice, country_code: u16) -> String {
    let line = 100 + dice.below(100);
    let mut text = String::new();
    let written = match dice.below(5) {
        0 => write!(text, "+{country_code} 555 01{line}"),
        1 => write!(text, "00{country_code}-555-01{line}"),
        2 => write!(text, "+{country_code} (555) 01 {line}"),
        3 => write!(text, "+{country_code}.555.01{line}"),
        _ => Ok(()),
    };
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
    text
}

/// Names as they are written, beside their spelling in an address.
struct Culture {
    locale: &'static str,
    country_code: u16,
    given: &'static [(&'static str, &'static str)],
    family: &'static [(&'static str, &'static str)],
}

const CULTURES: &[Culture] = &[
    Culture {
        locale: "en-GB",
        country_code: 44,
        given: &[
            ("Olive", "olive"),
            ("Siobhán", "siobhan"),
            ("Amelia", "amelia"),
            ("Rhys", "rhys"),
            ("Anne-Marie", "anne-marie"),
        ],
        family: &[
            ("O'Brien", "obrien"),
            ("Smith, Jr.", "smith"),
            ("St. John-Smythe", "stjohn-smythe"),
            ("MacLeòid", "macleoid"),
            ("D’Arcy", "darcy"),
        ],
    },
    Culture {
        locale: "de-DE",
        country_code: 49,
        given: &[("Jürgen", "juergen"), ("Zoë", "zoe"), ("Änne", "aenne"), ("Karl-Heinz", "karl-heinz")],
        family: &[
            ("Müller", "mueller"),
            ("von der Straße", "vonderstrasse"),
            ("Großmann", "grossmann"),
            ("Özdemir", "oezdemir"),
        ],
    },
    Culture {
        locale: "fr-FR",
        country_code: 33,
        given: &[("Éloïse", "eloise"), ("François", "francois"), ("Noël", "noel"), ("Maëlys", "maelys")],
        family: &[
            ("L'Hôpital", "lhopital"),
            ("de La Fontaine", "delafontaine"),
            ("Lefèvre", "lefevre"),
            ("Œuvrard", "oeuvrard"),
        ],
    },
    Culture {
        locale: "pl-PL",
        country_code: 48,
        given: &[("Łukasz", "lukasz"), ("Małgorzata", "malgorzata"), ("Żaneta", "zaneta")],
        family: &[
            ("Wójcik", "wojcik"),
            ("Dąbrowski", "dabrowski"),
            ("Źrebiec", "zrebiec"),
            ("Śmigły", "smigly"),
        ],
    },
    Culture {
        locale: "tr-TR",
        country_code: 90,
        given: &[("İpek", "ipek"), ("Çağrı", "cagri"), ("Işıl", "isil")],
        family: &[("Yıldız", "yildiz"), ("Şahin", "sahin"), ("Güneş", "gunes")],
    },
    Culture {
        locale: "ja-JP",
        country_code: 81,
        given: &[("翔太", "shota"), ("さくら", "sakura"), ("美咲", "misaki"), ("ケンジ", "kenji")],
        family: &[("佐藤", "sato"), ("𠮷田", "yoshida"), ("渡邊", "watanabe")],
    },
    Culture {
        locale: "zh-CN",
        country_code: 86,
        given: &[("伟", "wei"), ("秀英", "xiuying"), ("子涵", "zihan")],
        family: &[("王", "wang"), ("李", "li"), ("欧阳", "ouyang")],
    },
    Culture {
        locale: "ko-KR",
        country_code: 82,
        given: &[("지우", "jiwoo"), ("민준", "minjun"), ("서연", "seoyeon")],
        family: &[("김", "kim"), ("이", "lee"), ("남궁", "namgung")],
    },
    Culture {
        locale: "id-ID",
        country_code: 62,
        given: &[("Suharti", "suharti"), ("Budiono", "budiono"), ("Wati", "wati")],
        // One name only.
        family: &[("", "")],
    },
    Culture {
        locale: "vi-VN",
        country_code: 84,
        given: &[("Đức", "duc"), ("Thị Hồng", "thihong"), ("Quỳnh", "quynh")],
        family: &[("Nguyễn", "nguyen"), ("Trần", "tran"), ("Đặng", "dang")],
    },
    Culture {
        locale: "ar-EG",
        country_code: 20,
        given: &[("ليلى", "layla"), ("عمر", "omar"), ("نور", "nour")],
        family: &[("حسن", "hassan"), ("السيد", "elsayed")],
    },
];

const DEPARTMENTS: &[(&str, &str)] = &[
    ("Sales", "EMEA"),
    ("Sales", "APAC"),
    ("Engineering", "Product"),
    ("Research & Development", "Product"),
    ("Finance", "Corporate"),
    ("People", "Corporate"),
    ("Legal, Risk and Compliance", "Corporate"),
    ("Support", "Operations"),
];

const TITLES: &[&str] = &[
    "Engineer",
    "Senior Engineer",
    "Account Manager",
    "Accountant",
    "Analyst",
    "Head of \"Special\" Projects",
    "Counsel",
    "Support Specialist",
    "Vice President, Sales",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_gives_the_same_file() {
        assert_eq!(Company::new(7, 300).to_csv(), Company::new(7, 300).to_csv());
        assert_ne!(Company::new(7, 300).to_csv(), Company::new(8, 300).to_csv());
    }

    #[test]
    fn keys_and_addresses_are_unique() {
        let company = Company::tidy(1, 2_000);
        let keys: HashSet<_> = company.people.iter().map(|person| &person.id).collect();
        let addresses: HashSet<_> = company.people.iter().map(|person| person.email.to_lowercase()).collect();
        assert_eq!((keys.len(), addresses.len()), (2_000, 2_000));
    }

    #[test]
    fn every_broken_row_is_in_the_file() {
        let company = Company::new(1, 50);
        let text = company.to_csv();
        assert_eq!(text.lines().count(), 1 + 50 + company.broken.len());
        assert!(company.broken.iter().all(|row| text.contains(row.as_str())));
    }

    #[test]
    fn who_leaves_leaves_no_report_behind() {
        let mut company = Company::tidy(3, 400);
        let left = company.leave(15);
        assert_eq!(left.len(), 15);
        assert_eq!(company.reports_of(&left), 0);
    }
}
