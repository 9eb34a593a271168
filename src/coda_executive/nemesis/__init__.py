"""The nemesis: disturbs a running testnet on any engine, and always undoes what it did."""
