"""Who may produce, what a block must be, which chain is better (daemon contract I.1 to I.3). Pure."""
