"""document_uploaded: a file was added to a project."""

from collections.abc import Sequence

from pipeline.domain.identifiers import EventType
from pipeline.mail.event_words import DigestLine, EventWords, MailData, Word
from pipeline.mail.sentence import Sentence


class DocumentUploadedData(MailData):
    """What is read of ``body_data``."""

    file_name: Word = "New document"
    uploader_name: Word = "Someone"


class DocumentUploadedWords(EventWords[DocumentUploadedData]):
    """Which file, and who uploaded it."""

    event_type = EventType("document_uploaded")
    data = DocumentUploadedData
    thing = "document"
    waits_for_digest = True

    def heading(self, data: DocumentUploadedData) -> str:
        """The same for every file."""
        return "New Document"

    def sentence(self, data: DocumentUploadedData) -> Sentence:
        """Who uploaded what, and where to."""
        return Sentence(
            "{uploader} uploaded {file} to {project}.",
            {
                "uploader": data.uploader_name,
                "file": data.file_name,
                "project": data.project_name or "your project",
            },
        )

    def title(self, shown: Sequence[DocumentUploadedData]) -> str:
        """The same for any number."""
        return "New Documents"

    def digest_line(self, data: DocumentUploadedData) -> DigestLine:
        """The file; who uploaded it is in HTML only."""
        return DigestLine(data.file_name, f"uploaded by {data.uploader_name}")
