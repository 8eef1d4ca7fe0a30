"""The package is what its types and its README say."""

import ast
import inspect
import re
from pathlib import Path

import dip
from dip import _native, errors

PACKAGE = Path(dip.__file__).parent
README = Path(__file__).parent.parent / "README.md"


def test_the_example_of_the_readme_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(example, str(README), "exec"), {})
    printed = capsys.readouterr().out
    assert "Plan " in printed and "Run python is ready" in printed and "r2-n4.demo.example" in printed


def test_the_types_tell_what_the_compiled_part_has():
    def members(names):
        return {name for name in names if not name.startswith("_")}

    tree = ast.parse((PACKAGE / "_native.pyi").read_text())
    told = {node.name: node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert set(told) == members(dir(_native))
    for name, node in told.items():
        if isinstance(node, ast.ClassDef):
            parts = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            assert members(parts) == members(dir(getattr(_native, name))), name
        else:
            keywords = [argument.arg for argument in node.args.args + node.args.kwonlyargs]
            assert keywords == list(inspect.signature(getattr(_native, name)).parameters), name


def test_everything_is_in_one_place():
    assert set(dip.__all__) == {name for name in dir(dip) if name[0].isupper()} | {"apply", "datacenter", "plan"}
    assert (PACKAGE / "py.typed").exists()


def test_every_kind_of_failure_has_an_exception():
    kinds = {kind.kind: kind for kind in errors.ProviderError.__subclasses__()}
    assert set(kinds) == {
        "busy",
        "conflict",
        "denied",
        "invalid",
        "not_found",
        "unexpected",
        "unreachable",
        "unsupported",
    }
    assert all(issubclass(kind, dip.DipError) for kind in kinds.values())
