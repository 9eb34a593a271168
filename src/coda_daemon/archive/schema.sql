-- The archive's tables, with the names of Berkeley's (daemon contract G.2), for PostgreSQL.
-- 64-bit numbers are text, 32-bit numbers bigint. Load it once into an empty database, before `coda archive run`.

CREATE TYPE chain_status_type AS ENUM ('canonical', 'orphaned', 'pending');
CREATE TYPE user_command_type AS ENUM ('payment', 'delegation');
CREATE TYPE internal_command_type AS ENUM ('fee_transfer_via_coinbase', 'fee_transfer', 'coinbase');
CREATE TYPE transaction_status AS ENUM ('applied', 'failed');
CREATE TYPE authorization_type AS ENUM ('none', 'either', 'proof', 'signature', 'both', 'impossible');

CREATE TABLE public_keys (
  id serial PRIMARY KEY,
  value text NOT NULL UNIQUE
);

CREATE TABLE tokens (
  id serial PRIMARY KEY,
  value text NOT NULL UNIQUE,
  owner_public_key_id integer REFERENCES public_keys (id),
  owner_token_id integer REFERENCES tokens (id)
);

CREATE TABLE token_symbols (
  id serial PRIMARY KEY,
  value text NOT NULL UNIQUE
);

CREATE TABLE account_identifiers (
  id serial PRIMARY KEY,
  public_key_id integer NOT NULL REFERENCES public_keys (id),
  token_id integer NOT NULL REFERENCES tokens (id),
  UNIQUE (public_key_id, token_id)
);

CREATE TABLE timing_info (
  id serial PRIMARY KEY,
  account_identifier_id integer NOT NULL REFERENCES account_identifiers (id),
  initial_minimum_balance text NOT NULL,
  cliff_time bigint NOT NULL,
  cliff_amount text NOT NULL,
  vesting_period bigint NOT NULL,
  vesting_increment text NOT NULL,
  UNIQUE (account_identifier_id, initial_minimum_balance, cliff_time, cliff_amount, vesting_period,
    vesting_increment)
);

CREATE TABLE voting_for (
  id serial PRIMARY KEY,
  value text NOT NULL UNIQUE
);

CREATE TABLE zkapp_permissions (
  id serial PRIMARY KEY,
  edit_state authorization_type NOT NULL,
  send authorization_type NOT NULL,
  receive authorization_type NOT NULL,
  access authorization_type NOT NULL,
  set_delegate authorization_type NOT NULL,
  set_permissions authorization_type NOT NULL,
  set_verification_key_auth authorization_type NOT NULL,
  set_verification_key_txn_version integer NOT NULL,
  set_zkapp_uri authorization_type NOT NULL,
  edit_action_state authorization_type NOT NULL,
  set_token_symbol authorization_type NOT NULL,
  increment_nonce authorization_type NOT NULL,
  set_voting_for authorization_type NOT NULL,
  set_timing authorization_type NOT NULL
);

CREATE TABLE snarked_ledger_hashes (
  id serial PRIMARY KEY,
  value text NOT NULL UNIQUE
);

CREATE TABLE user_commands (
  id serial PRIMARY KEY,
  command_type user_command_type NOT NULL,
  fee_payer_id integer NOT NULL REFERENCES public_keys (id),
  source_id integer NOT NULL REFERENCES public_keys (id),
  receiver_id integer NOT NULL REFERENCES public_keys (id),
  nonce bigint NOT NULL,
  amount text,
  fee text NOT NULL,
  valid_until bigint,
  memo text NOT NULL,
  hash text NOT NULL UNIQUE
);

CREATE TABLE internal_commands (
  id serial PRIMARY KEY,
  command_type internal_command_type NOT NULL,
  receiver_id integer NOT NULL REFERENCES public_keys (id),
  fee text NOT NULL,
  hash text NOT NULL,
  UNIQUE (hash, command_type)
);

CREATE TABLE epoch_data (
  id serial PRIMARY KEY,
  seed text NOT NULL,
  ledger_hash_id integer NOT NULL REFERENCES snarked_ledger_hashes (id),
  total_currency text NOT NULL,
  start_checkpoint text NOT NULL,
  lock_checkpoint text NOT NULL,
  epoch_length bigint NOT NULL,
  UNIQUE (seed, ledger_hash_id, total_currency, start_checkpoint, lock_checkpoint, epoch_length)
);

CREATE TABLE protocol_versions (
  id serial PRIMARY KEY,
  "transaction" integer NOT NULL,
  network integer NOT NULL,
  patch integer NOT NULL,
  UNIQUE ("transaction", network, patch)
);

CREATE TABLE blocks (
  id serial PRIMARY KEY,
  state_hash text NOT NULL UNIQUE,
  parent_id integer REFERENCES blocks (id),
  parent_hash text NOT NULL,
  creator_id integer NOT NULL REFERENCES public_keys (id),
  block_winner_id integer NOT NULL REFERENCES public_keys (id),
  last_vrf_output text NOT NULL,
  snarked_ledger_hash_id integer NOT NULL REFERENCES snarked_ledger_hashes (id),
  staking_epoch_data_id integer NOT NULL REFERENCES epoch_data (id),
  next_epoch_data_id integer NOT NULL REFERENCES epoch_data (id),
  min_window_density bigint NOT NULL,
  sub_window_densities bigint[] NOT NULL,
  total_currency text NOT NULL,
  ledger_hash text NOT NULL,
  height bigint NOT NULL,
  global_slot_since_hard_fork bigint NOT NULL,
  global_slot_since_genesis bigint NOT NULL,
  protocol_version_id integer NOT NULL REFERENCES protocol_versions (id),
  proposed_protocol_version_id integer REFERENCES protocol_versions (id),
  timestamp text NOT NULL,
  chain_status chain_status_type NOT NULL
);
CREATE INDEX idx_blocks_parent_id ON blocks (parent_id);
CREATE INDEX idx_blocks_parent_hash ON blocks (parent_hash);
CREATE INDEX idx_blocks_creator_id ON blocks (creator_id);
CREATE INDEX idx_blocks_height ON blocks (height);
CREATE INDEX idx_chain_status ON blocks (chain_status);

CREATE TABLE accounts_accessed (
  ledger_index bigint NOT NULL,
  block_id integer NOT NULL REFERENCES blocks (id),
  account_identifier_id integer NOT NULL REFERENCES account_identifiers (id),
  token_symbol_id integer NOT NULL REFERENCES token_symbols (id),
  balance text NOT NULL,
  nonce bigint NOT NULL,
  receipt_chain_hash text NOT NULL,
  delegate_id integer REFERENCES public_keys (id),
  voting_for_id integer NOT NULL REFERENCES voting_for (id),
  timing_id integer REFERENCES timing_info (id),
  permissions_id integer NOT NULL REFERENCES zkapp_permissions (id),
  PRIMARY KEY (block_id, account_identifier_id)
);
CREATE INDEX idx_accounts_accessed_account ON accounts_accessed (account_identifier_id);

CREATE TABLE accounts_created (
  block_id integer NOT NULL REFERENCES blocks (id),
  account_identifier_id integer NOT NULL REFERENCES account_identifiers (id),
  creation_fee text NOT NULL,
  PRIMARY KEY (block_id, account_identifier_id)
);

CREATE TABLE blocks_user_commands (
  block_id integer NOT NULL REFERENCES blocks (id),
  user_command_id integer NOT NULL REFERENCES user_commands (id),
  sequence_no integer NOT NULL,
  status transaction_status NOT NULL,
  failure_reason text,
  PRIMARY KEY (block_id, user_command_id, sequence_no)
);
CREATE INDEX idx_blocks_user_commands_command ON blocks_user_commands (user_command_id);

CREATE TABLE blocks_internal_commands (
  block_id integer NOT NULL REFERENCES blocks (id),
  internal_command_id integer NOT NULL REFERENCES internal_commands (id),
  sequence_no integer NOT NULL,
  secondary_sequence_no integer NOT NULL,
  status transaction_status NOT NULL,
  failure_reason text,
  PRIMARY KEY (block_id, internal_command_id, sequence_no, secondary_sequence_no)
);
CREATE INDEX idx_blocks_internal_commands_command ON blocks_internal_commands (internal_command_id);
