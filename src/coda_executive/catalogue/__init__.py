"""The shipped tests: one a file, each short enough to be read in a minute. They import public names only.

What became of the tests of Mina's own executive (zkApps aside, which the reference daemon has none of):

* under their names: `block_production`, `peers_reliability`, `chain_reliability`, `payments`, `delegation`,
  `gossip_consistency`, `medium_bootstrap`, `epoch_ledger` (also the long bootstrap), `block_production_priority`,
  `block_reward`, `snark`, `archive_node`, `hard_fork` (with the vesting of post-hard-fork), `slot_end`;
* ban-notify is `wrong_clock`: the contract drops what is untimely and bans nobody for it, so what can be seen is
  that a wrong clock harms nobody; a network that is not fully connected is asserted in `partition_rejoin`;
* pmt-timed-accts and send-payment are in `payments`, bp-timed-accts in `hard_fork`, bootstrap in `basic_bootstrap`,
  common-prefix and shared-prefix in `chain_reliability`, coda-peers in `peers_reliability`, staking in
  `epoch_ledger` and `hard_fork`, delegation-stress in `delegation` and `block_production_priority`;
* genesis-export, meta and mock tested the tools, as our own tests do; supercharged-reward went with 1.x;
* `persistence` was wished for (#6502) and never written;
* the example scripts of the test language: `basic_bootstrap`, `partition_rejoin`, `ledger_transition`;
  `long_partition` is the partition that only a bootstrap heals.
"""
