"""What a test can wait for. Each condition is a value; the DSL does the waiting."""
