import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "guest-sdk" / "python")]

import mapping  # noqa: E402
from scimwright import testing  # noqa: E402
from scimwright.testing import LogLine  # noqa: E402


class CorpUser(unittest.TestCase):
    def test_every_case_maps_as_expected(self):
        testing.run_cases(mapping, HERE / "cases").check()

    def test_what_is_dropped_is_told_with_its_field_and_value(self):
        testing.logs()
        fields = {"email": "ada@example.com", "mobile": "n/a", "locale": "German", "manager_id": "E1"}
        testing.run_case(mapping, {"source": "hr", "key": "E1", "fields": fields})
        self.assertEqual(
            testing.logs(),
            [
                LogLine("warn", "dropped what is no telephone number", {"field": "mobile", "value": "n/a"}),
                LogLine("warn", "dropped what is no language tag", {"field": "locale", "value": "German"}),
                LogLine("warn", "nobody is their own manager", {"field": "manager_id", "value": "E1"}),
            ],
        )


if __name__ == "__main__":
    unittest.main()
