from pipeline.screens.printable import one_line, printable


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("a\x1b[31m\u202eb\nc é") == "a\\x1b[31m\\u202eb\\nc é"


def test_what_has_to_stand_on_one_line_does() -> None:
    assert one_line("[bold]a\x1b[31m\n\n\tb ") == "[bold]a\\x1b[31m b"
