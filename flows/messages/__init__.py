"""Messages: the subject, text and HTML that a workflow sends, checked, rendered and composed for one recipient."""
