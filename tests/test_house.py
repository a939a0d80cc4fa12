"""The rules of the house that import-linter cannot state: who may import what, and where SQL may stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("feeds", "indicators", "seeds")
ONLY_IMPORTER = {
    "duckdb": {"feeds/store.py"},
    "distributed": {"indicators/engine/cluster.py"},
    "plotly": {"indicators/views/plot/"},
    "kaleido": {"indicators/views/plot/"},
    "jinja2": {"indicators/views/page.py"},
    "httpx": {"feeds/fetch/client.py"},
    "stamina": {"feeds/fetch/client.py"},
    "numba": {"indicators/kernels/_jit.py"},
}


def sources() -> list[Path]:
    return [ROOT / "cli.py", *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def offences(path: str, source: str) -> list[str]:
    found = []
    for module in imports(ast.parse(source)):
        top = module.split(".")[0]
        if top == "cli":
            found.append(f"{path} imports cli")
        if top in ONLY_IMPORTER and not path.startswith(tuple(ONLY_IMPORTER[top])):
            found.append(f"{path} imports {top}")
        if path.startswith("indicators/kernels/"):
            ours_or_numpy = top in {"numpy", "numba"} or module.startswith("indicators.kernels")
            standard = top in {"hashlib", "os", "sys", "math", "pathlib", "typing", "collections", "dataclasses"}
            if not (ours_or_numpy or standard):
                found.append(f"{path} imports {module}")
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_keep_to_the_house(path: Path):
    assert offences(str(path.relative_to(ROOT)), path.read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("indicators/us/x.py", "import duckdb"),
        ("feeds/lean.py", "from numba import njit"),
        ("feeds/daily.py", "import httpx"),
        ("indicators/engine/run.py", "import plotly.graph_objects"),
        ("indicators/views/plotting.py", "import plotly"),
        ("indicators/views/report.py", "from jinja2 import Environment"),
        ("feeds/x.py", "from cli import app"),
        ("indicators/kernels/x.py", "import polars"),
        ("indicators/kernels/x.py", "from feeds.schema import MICRO"),
    ],
)
def test_the_rule_catches_a_planted_import(path: str, source: str):
    assert offences(path, source)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_sql_stands_in_the_store_alone(path: Path):
    if path.name == "store.py":
        return
    texts = [
        n.value
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    assert not [
        text
        for text in texts
        if text.lstrip().upper().startswith(("SELECT ", "INSERT ", "DELETE FROM", "CREATE TABLE"))
    ]


def test_cli_holds_no_logic():
    assert len((ROOT / "cli.py").read_text().splitlines()) <= 300


def test_changelog_names_the_version():
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_command_is_in_the_readme():
    from cli import app

    readme = (ROOT / "README.md").read_text()
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert [name for name in names if f"bullbear {name}" not in readme] == []


def test_the_readme_s_table_of_speed_is_the_run_in_docs():
    from indicators.engine.bench.jobs import JOBS, Bench
    from indicators.views.bench import bench_text

    run = Bench.model_validate_json((ROOT / "docs" / "bench.json").read_bytes())
    assert list(run.jobs) == list(JOBS)
    assert run.scale == 1
    _, _, rest = (ROOT / "README.md").read_text().partition("<!-- bench: from docs/bench.json -->\n")
    table, _, _ = rest.partition("\n<!-- /bench -->")
    assert table.strip() == bench_text(run, "markdown").strip()


def test_what_is_told_of_speed_is_the_run_in_docs():
    from indicators.engine.bench.jobs import Bench

    jobs = Bench.model_validate_json((ROOT / "docs" / "bench.json").read_bytes()).jobs
    told = " ".join((ROOT / "docs" / "performance.md").read_text().split())

    def times(job: str, peer: str, digits: int) -> str:
        """Ours in units of the peer's."""
        return f"{1 / jobs[job].peers[peer].ratio:.{digits}f} ×"

    held_to_scan = [
        f"needs {jobs[job].seconds:.3g} s where the scan needs {jobs[job].peers['scan'].seconds:.3f}"
        for job in ("P1", "P1b", "P2")
    ]
    long = jobs["P5"].figures
    each, reading, resident = (
        [f"{long[f'{name}_of_{prints}000000']:.{digits}f}" for prints in (200, 20, 2)]
        for name, digits in (("nanoseconds_a_print", 1), ("of_them_reading", 1), ("resident_gb", 3))
    )
    expected = [
        *held_to_scan,
        f"takes {jobs['P1'].peers['duckdb'].ratio:.1f} times as long as ours",
        f"needs {jobs['P3'].peers['duckdb'].seconds:.2f} ({times('P3', 'duckdb', 2)}",
        f"in {jobs['P3'].figures['resident_gb']} GB against {jobs['P3'].figures['resident_gb_of_duckdb']}",
        f"costs {times('P4', 'empty_store', 2).removesuffix(' ×')} times",
        "200 M prints take {} ns each, 20 M {}, and 2 M {}".format(*each),
        "Of them {}, {} and {} are reading".format(*reading),
        "Resident memory is {}, {} and {} GB".format(*reversed(resident)),
        f"{jobs['P6'].peers['one_thread'].ratio:.2f} ×",
        f"takes {times('P8', 'imports', 2)} `import typer`",
        f"takes {times('P8b', 'imports', 1)} the bare imports ({jobs['P8b'].seconds:.2f} s)",
        f"{jobs['P9'].peers['vectorbt'].ratio:.0f} × vectorbt",
    ]
    assert [figure for figure in expected if figure not in told] == []
