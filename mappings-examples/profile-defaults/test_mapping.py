import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "guest-sdk" / "python")]

import mapping  # noqa: E402
from scimwright import testing  # noqa: E402


class ProfileDefaults(unittest.TestCase):
    def test_every_case_gives_the_expected_defaults(self):
        testing.run_cases(mapping, HERE / "cases").check()

    def test_every_country_of_the_tables_is_one(self):
        for country in {*mapping.TIMEZONES, *mapping.LANGUAGES}:
            self.assertEqual(mapping.functions.country_alpha2(country), country)


if __name__ == "__main__":
    unittest.main()
