"""Reports as text, Markdown, JUnit and a picture; JSON is :meth:`Report.to_json`."""
