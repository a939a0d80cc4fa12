"""The queries that stand in feeds/sql as files of their own."""

from functools import lru_cache
from importlib.resources import files


@lru_cache
def query(name: str, **names: str) -> str:
    """The text of feeds/sql/<name>.sql, with tables and columns that come from the schema in the place of {names}.

    >>> query("kept/drop_rows", table="rows_x")
    'DROP TABLE derived."rows_x"\\n'
    """
    text = files("feeds").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    for placeholder, meant in names.items():
        text = text.replace("{" + placeholder + "}", meant)
    return text
