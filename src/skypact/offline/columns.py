"""Reading the columns that Skypact itself writes: states and true paths, CSV or Parquet."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from skypact.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def read_columns(
    path: Path, types: Mapping[str, "pa.DataType"], remedy: str, wrong: str
) -> "pa.Table":
    """The columns named in `types`, of these types and without gaps; Parquet by its suffix.

    Raises InputError with `remedy`; `wrong` says what the file is not, where it cannot be parsed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        else:
            options = csv.ConvertOptions(column_types=dict(types), null_values=[""])
            table = csv.read_csv(path, convert_options=options)
        missing = [name for name in types if name not in table.column_names]
        if missing:
            raise InputError(str(path), f"has no column {missing[0]}", remedy)
        empty = [name for name in types if table[name].null_count]
        if empty:
            raise InputError(str(path), f"has rows without {empty[0]}", remedy)
        return table.select(list(types)).cast(pa.schema(list(types.items())))
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "correct the path") from None
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})", remedy) from None
    except pa.ArrowException as error:
        raise InputError(str(path), f"{wrong} ({error})", remedy) from None
