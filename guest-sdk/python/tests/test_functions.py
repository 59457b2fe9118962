"""Every function answers what guest-sdk/functions.json says, as it does in Rust and JavaScript."""

import json
import unittest
from pathlib import Path

from scimwright import functions
from scimwright.functions import _tables

SHARED = Path(__file__).parent.parent.parent


def shared(name):
    return json.loads((SHARED / name).read_text(encoding="utf-8"))


class Functions(unittest.TestCase):
    def test_every_function_answers_what_every_sdk_answers(self):
        for function in shared("functions.json")["functions"]:
            run = getattr(functions, function["name"])
            for case in function["cases"]:
                with self.subTest(f"{function['name']}{tuple(case['args'])}"):
                    if "error" in case:
                        with self.assertRaises(Exception) as raised:
                            run(*case["args"])
                        self.assertIn(case["error"], str(raised.exception))
                    else:
                        answer = run(*case["args"])
                        self.assertEqual(answer, case["result"])
                        self.assertIs(type(answer), type(case["result"]))
            if function.get("absent") != "handled":
                self.assertIsNone(run(None, *function["cases"][0]["args"][1:]), function["name"])

    def test_there_is_no_function_that_the_others_do_not_have(self):
        known = sorted(function["name"] for function in shared("functions.json")["functions"])
        self.assertEqual(sorted(functions.__all__), known)

    def test_the_tables_are_those_that_every_sdk_has(self):
        letters = shared("transliteration.json")
        self.assertEqual(_tables.LETTERS, letters["letters"])
        self.assertEqual(_tables.LANGUAGES, letters["languages"])
        self.assertEqual(_tables.DIACRITICS, letters["diacritics"])
        rows = [
            [row["alpha2"], row["alpha3"], row["numeric"], row["name"], *row.get("also", [])]
            for row in shared("countries.json")["countries"]
        ]
        self.assertEqual(_tables.COUNTRIES, rows)


if __name__ == "__main__":
    unittest.main()
