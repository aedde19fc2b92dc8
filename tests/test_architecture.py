"""The map in docs/architecture.md is the contract that import-linter proves, and it stays small."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
_ROW = re.compile(r"^    (\d+) +([a-z_]+) +\S", re.MULTILINE)


def rooms_by_floor() -> dict[int, set[str]]:
    """The rooms that the map draws on each floor."""
    floors: dict[int, set[str]] = {}
    for floor, room in _ROW.findall((ROOT / "docs/architecture.md").read_text(encoding="utf-8")):
        floors.setdefault(int(floor), set()).add(room)
    return floors


def contract() -> list[set[str]]:
    """The rooms of each layer of the contract, from the lowest up."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract.get("exhaustive"))
    return [set(layer.split(" | ")) for layer in reversed(layers)]


def test_the_map_has_at_most_14_rooms_on_at_most_10_floors() -> None:
    floors = rooms_by_floor()
    assert sorted(floors) == list(range(1, len(floors) + 1))
    assert len(floors) <= 10
    assert sum(map(len, floors.values())) <= 14


def test_the_map_is_the_contract() -> None:
    floors = rooms_by_floor()
    assert [floors[floor] - {"checks"} for floor in sorted(floors)] == contract()


def test_each_room_is_there_and_no_module_stands_outside_of_them() -> None:
    package = ROOT / "gmsa_doctor"
    rooms = {room for layer in contract() for room in layer}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert modules == {"__main__", "authoring"}
    assert rooms == modules | {path.parent.name for path in package.glob("*/__init__.py")}


def test_no_file_of_the_product_is_long() -> None:
    lengths = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("gmsa_doctor", "checks")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert not {path: length for path, length in lengths.items() if length > 400}


def test_the_files_that_the_page_names_are_there() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[a-z0-9_]+(?:/[a-z0-9_]+)*\.py\b", page)) - {"a_b.py"}
    roots = (ROOT / "gmsa_doctor", ROOT / "checks/gmsa_doctor_checks", ROOT / "docs", ROOT / "tests")
    places = [path.as_posix() for root in roots for path in root.rglob("*.py")]
    assert named
    assert not {name for name in named if not any(place.endswith(f"/{name}") for place in places)}


def test_the_page_lists_each_package_of_checks() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    packages = {path.parent.name for path in (ROOT / "checks/gmsa_doctor_checks").glob("*/__init__.py")}
    assert not {name for name in packages if f"    {name} " not in page and f"`{name}/`" not in page}
