"""Failing assertions of the scenarios' own modules show their values, as those of test modules do."""

import pytest

pytest.register_assert_rewrite("tests.scenarios.judge", "tests.scenarios.verdicts")
