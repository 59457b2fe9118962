import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "guest-sdk" / "python")]

import mapping  # noqa: E402
from scimwright import testing  # noqa: E402

FIELDS = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "email": "ada@engines.example",
    "company": "Engines Ltd",
    "start_date": "2026-03-01",
    "end_date": "2026-03-31",
}


def on(day: str) -> dict:
    """What becomes of one contract on this day."""
    context = {"now": f"{day}T08:00:00Z", "settings": {"lead_days": "7"}}
    return testing.run_case(mapping, {"source": "contractors", "key": "C1", "fields": FIELDS, "context": context})


class Contractor(unittest.TestCase):
    def test_every_case_maps_as_expected(self):
        testing.run_cases(mapping, HERE / "cases").check()

    def test_one_contract_from_before_its_start_to_after_its_end(self):
        self.assertEqual(on("2026-02-21"), {"skip": "starts on 2026-03-01"})
        days = {"2026-02-22": False, "2026-02-28": False, "2026-03-01": True, "2026-03-31": True, "2026-04-01": False}
        self.assertEqual({day: on(day)["active"] for day in days}, days)


if __name__ == "__main__":
    unittest.main()
