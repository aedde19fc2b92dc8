"""A fake `gmsa-doctor` that records its arguments, and writes given outputs."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

_PROGRAM = """\
#!{python}
import json, os, sys
from pathlib import Path
told = json.loads(Path({told!r}).read_text())
Path({called!r}).write_text(json.dumps(sys.argv[1:]))
for argument in sys.argv[1:]:
    if argument.startswith("--report=") and argument.count("=") == 2 and told["reports"]:
        Path(argument.split("=", 2)[2]).write_text(told["report"])
    if argument.startswith("--output=") and told["reports"]:
        Path(argument.partition("=")[2]).write_text(told["text"])
if "--report=github" in sys.argv and told["reports"]:
    print(told["annotations"])
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a") as summary:
        summary.write("the summary\\n")
print(told["message"], file=sys.stderr)
sys.exit(told["code"])
"""


@dataclass
class FakeDoctor:
    """Stands on PATH in `directory`."""

    directory: Path
    code: int = 0
    reports: bool = True
    text: str = "the text\n"
    annotations: str = "::notice::an annotation"
    message: str = "a message"
    report: str = '{\n  "verdict": "pass",\n}\n'
    _called: Path = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True)
        self._called = self.directory / "called.json"
        program = self.directory / "gmsa-doctor"
        told = str(self.directory / "told.json")
        program.write_text(_PROGRAM.format(python=sys.executable, told=told, called=str(self._called)))
        program.chmod(0o755)
        self.will()

    def will(self, **changes: object) -> None:
        """From now on it does that."""
        vars(self).update(changes)
        told = {name: value for name, value in vars(self).items() if not isinstance(value, Path)}
        (self.directory / "told.json").write_text(json.dumps(told))

    @property
    def arguments(self) -> list[str] | None:
        """Those of its last call; None if there was none."""
        if not self._called.exists():
            return None
        arguments: list[str] = json.loads(self._called.read_text())
        return arguments
