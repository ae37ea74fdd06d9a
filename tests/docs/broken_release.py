"""The pipeline as it was deployed with a mistake in one handler: it looks for what is not there."""

import sys
from typing import Any

import pytest

from pipeline import __main__
from pipeline.fanout.handlers.document_uploaded import DocumentUploaded, DocumentUploadedHandler


class WithoutName(DocumentUploaded):
    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - as object has it
        if name == "file_name":
            raise KeyError(name)
        return super().__getattribute__(name)


if __name__ == "__main__":
    pytest.MonkeyPatch().setattr(DocumentUploadedHandler, "payload", WithoutName)
    sys.exit(__main__.main())
