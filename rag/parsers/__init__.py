"""Which class reads which kind of file. A row is loaded on first use; a new format is one file and one line."""

PARSERS: dict[str, str] = {
    "text/plain": "rag.parsers.plain_text:PlainTextParser",
    "text/markdown": "rag.parsers.markdown:MarkdownParser",
    "text/html": "rag.parsers.html:HtmlParser",
    "application/pdf": "rag.parsers.pdf:PdfParser",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "rag.parsers.docx:DocxParser",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "rag.parsers.xlsx:XlsxParser",
    "application/vnd.ms-excel": "rag.parsers.xls:XlsParser",
    "text/csv": "rag.parsers.csv:CsvParser",
}
