"""What the model map shows, as plain data: rows, boxes, measures, trends and marks."""
