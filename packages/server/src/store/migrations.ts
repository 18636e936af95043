import type { Kysely } from 'kysely'
import type { Migration, MigrationProvider } from 'kysely/migration'

export type Engine = 'sqlite' | 'postgres'

/** Every migration in order; one that has landed is never changed. */
export function migrations(engine: Engine): MigrationProvider {
  return {
    getMigrations: async () => ({
      '001-first': first(engine),
      '002-people': people(engine),
      '003-audit': audit(engine),
      '004-broker-passwords': brokerPasswords(engine),
      '005-devices': devices(),
      '006-monitors': monitors(),
      '007-devices': narrowedGrantsAndRenewal(engine),
      '008-session-senders': sessionSenders(),
    }),
  }
}

function first(engine: Engine): Migration {
  const bytes = engine === 'sqlite' ? 'blob' : 'bytea'
  return {
    up: async (db: Kysely<never>) => {
      const table = (name: string) => db.schema.createTable(name)
      const numbered = (name: string, column: string) =>
        engine === 'sqlite'
          ? table(name).addColumn(column, 'integer', (c) => c.primaryKey().autoIncrement())
          : table(name).addColumn(column, 'integer', (c) => c.primaryKey().generatedAlwaysAsIdentity())
      await table('deployment')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('deployment', bytes, (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('revision', 'bigint', (c) => c.notNull())
        .addColumn('directory_number', 'bigint', (c) => c.notNull())
        .addColumn('authority_public_key', bytes, (c) => c.notNull())
        .addColumn('authority_key_wrapped', bytes, (c) => c.notNull())
        .addColumn('master_key_check', bytes, (c) => c.notNull())
        .addColumn('setup_code_hash', bytes)
        .addColumn('restored_at', 'bigint')
        .execute()
      await table('members')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('email', 'text', (c) => c.notNull().unique())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('password', 'text', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('failed_tries', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('locked_until', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute()
      await table('roles')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull().unique())
        .addColumn('administrator', 'integer', (c) => c.notNull())
        .execute()
      await table('member_roles')
        .addColumn('member_id', 'text', (c) => c.notNull().references('members.id').onDelete('cascade'))
        .addColumn('role_id', 'text', (c) => c.notNull().references('roles.id'))
        .addPrimaryKeyConstraint('member_roles_key', ['member_id', 'role_id'])
        .execute()
      await table('channels')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull().unique())
        .addColumn('maximum_age', 'integer', (c) => c.notNull())
        .addColumn('late', 'text', (c) => c.notNull())
        .addColumn('lease', 'integer', (c) => c.notNull())
        .addColumn('number', 'bigint', (c) => c.notNull())
        .execute()
      await table('channel_filters')
        .addColumn('channel_id', 'text', (c) => c.notNull().references('channels.id').onDelete('cascade'))
        .addColumn('filter', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('channel_filters_key', ['channel_id', 'filter'])
        .execute()
      await table('grants')
        .addColumn('role_id', 'text', (c) => c.notNull().references('roles.id').onDelete('cascade'))
        .addColumn('channel_id', 'text', (c) => c.notNull().references('channels.id').onDelete('cascade'))
        .addColumn('right', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('grants_key', ['role_id', 'channel_id', 'right'])
        .execute()
      await table('epochs')
        .addColumn('channel_id', 'text', (c) => c.notNull().references('channels.id').onDelete('cascade'))
        .addColumn('epoch', 'bigint', (c) => c.notNull())
        .addColumn('suite', 'text', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('signing', 'text', (c) => c.notNull())
        .addColumn('key_check', bytes, (c) => c.notNull())
        .addColumn('key_wrapped', bytes, (c) => c.notNull())
        .addColumn('started_at', 'bigint', (c) => c.notNull())
        .addColumn('seal_until', 'bigint')
        .addColumn('open_until', 'bigint')
        .addPrimaryKeyConstraint('epochs_key', ['channel_id', 'epoch'])
        .execute()
      await numbered('senders', 'sender')
        .addColumn('member_id', 'text', (c) => c.notNull())
        .addColumn('member_name', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('algorithm', 'text', (c) => c.notNull())
        .addColumn('public_key', bytes, (c) => c.notNull())
        .addColumn('token_hash', bytes, (c) => c.notNull().unique())
        .addColumn('broker_hash', bytes, (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('revoked_at', 'bigint')
        .execute()
      await table('sessions')
        .addColumn('token_hash', bytes, (c) => c.primaryKey())
        .addColumn('member_id', 'text', (c) => c.notNull().references('members.id').onDelete('cascade'))
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('expires_at', 'bigint', (c) => c.notNull())
        .execute()
      await numbered('outbox', 'id')
        .addColumn('action', 'text', (c) => c.notNull())
        .addColumn('sender', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .execute()
    },
  }
}

function people(engine: Engine): Migration {
  const bytes = engine === 'sqlite' ? 'blob' : 'bytea'
  return {
    up: async (db: Kysely<never>) => {
      const table = (name: string) => db.schema.createTable(name)
      const ofMember = (name: string) =>
        table(name).addColumn('member_id', 'text', (c) => c.notNull().references('members.id').onDelete('cascade'))
      const members = () => db.schema.alterTable('members')
      await members().dropColumn('failed_tries').execute()
      await members().dropColumn('locked_until').execute()
      await members()
        .addColumn('state', 'text', (c) => c.notNull().defaultTo('active'))
        .execute()
      await members().addColumn('locked_at', 'bigint').execute()
      await members().addColumn('requested_role', 'text').execute()
      await members().addColumn('address_proved_at', 'bigint').execute()
      await members()
        .addColumn('email_factor', 'integer', (c) => c.notNull().defaultTo(0))
        .execute()
      const roles = () => db.schema.alterTable('roles')
      await roles()
        .addColumn('require_authenticator', 'integer', (c) => c.notNull().defaultTo(0))
        .execute()
      await roles()
        .addColumn('approve_domains', 'text', (c) => c.notNull().defaultTo('[]'))
        .execute()
      await roles()
        .addColumn('revision', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute()
      // Sessions of before have no id; whoever had one signs in again.
      await db.schema.dropTable('sessions').execute()
      await ofMember('sessions')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('token_hash', bytes, (c) => c.notNull().unique())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('expires_at', 'bigint', (c) => c.notNull())
        .addColumn('last_used_at', 'bigint', (c) => c.notNull())
        .addColumn('address', 'text', (c) => c.notNull())
        .addColumn('client', 'text', (c) => c.notNull())
        .addColumn('factor_at', 'bigint', (c) => c.notNull())
        .execute()
      await table('sign_ups')
        .addColumn('token_hash', bytes, (c) => c.primaryKey())
        .addColumn('email', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('password', 'text', (c) => c.notNull())
        .addColumn('role_id', 'text', (c) => c.notNull().references('roles.id').onDelete('cascade'))
        .addColumn('code_hash', bytes, (c) => c.notNull())
        .addColumn('tries', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('expires_at', 'bigint', (c) => c.notNull())
        .execute()
      await ofMember('one_time_codes')
        .addColumn('purpose', 'text', (c) => c.notNull())
        .addColumn('code_hash', bytes, (c) => c.notNull())
        .addColumn('tries', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('expires_at', 'bigint', (c) => c.notNull())
        .addColumn('detail', 'text')
        .addPrimaryKeyConstraint('one_time_codes_key', ['member_id', 'purpose'])
        .execute()
      await ofMember('totp')
        .addColumn('secret_wrapped', bytes, (c) => c.notNull())
        .addColumn('confirmed_at', 'bigint')
        .addColumn('last_step', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('totp_key', ['member_id'])
        .execute()
      await ofMember('recovery_codes')
        .addColumn('code_hash', bytes, (c) => c.notNull())
        .addPrimaryKeyConstraint('recovery_codes_key', ['member_id', 'code_hash'])
        .execute()
      await ofMember('known_devices')
        .addColumn('token_hash', bytes, (c) => c.primaryKey())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('last_used_at', 'bigint', (c) => c.notNull())
        .execute()
      await table('tries')
        .addColumn('key', 'text', (c) => c.primaryKey())
        .addColumn('count', 'integer', (c) => c.notNull())
        .addColumn('level', 'integer', (c) => c.notNull())
        .addColumn('locked_until', 'bigint', (c) => c.notNull())
        .addColumn('updated_at', 'bigint', (c) => c.notNull())
        .execute()
      const mails =
        engine === 'sqlite'
          ? table('mails').addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
          : table('mails').addColumn('id', 'integer', (c) => c.primaryKey().generatedAlwaysAsIdentity())
      await mails
        .addColumn('recipient', 'text', (c) => c.notNull())
        .addColumn('content_wrapped', bytes, (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('expires_at', 'bigint', (c) => c.notNull())
        .addColumn('tries', 'integer', (c) => c.notNull())
        .addColumn('next_try_at', 'bigint', (c) => c.notNull())
        .execute()
    },
  }
}

function audit(engine: Engine): Migration {
  const bytes = engine === 'sqlite' ? 'blob' : 'bytea'
  return {
    up: async (db: Kysely<never>) => {
      const table = (name: string) => db.schema.createTable(name)
      await table('audit_log')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('public_key', bytes, (c) => c.notNull())
        .addColumn('key_wrapped', bytes, (c) => c.notNull())
        .addColumn('size', 'bigint', (c) => c.notNull())
        .addColumn('edge', bytes, (c) => c.notNull())
        .addColumn('last_time', 'bigint', (c) => c.notNull())
        .addColumn('settings', 'text')
        .execute()
      await table('audit_records')
        .addColumn('position', 'bigint', (c) => c.primaryKey())
        .addColumn('hash', bytes, (c) => c.notNull())
        .addColumn('record', 'text', (c) => c.notNull())
        .addColumn('time', 'bigint', (c) => c.notNull())
        .addColumn('action', 'text', (c) => c.notNull())
        .addColumn('result', 'text', (c) => c.notNull())
        .addColumn('member_id', 'text')
        .addColumn('actor', 'text')
        .addColumn('channel', 'text')
        .execute()
      // What a filter asks for, in the order of the log.
      for (const column of ['time', 'action', 'member_id', 'actor', 'channel']) {
        await db.schema
          .createIndex(`audit_records_${column}`)
          .on('audit_records')
          .columns([column, 'position'] as never)
          .execute()
      }
      await table('audit_tiles')
        .addColumn('level', 'integer', (c) => c.notNull())
        .addColumn('number', 'bigint', (c) => c.notNull())
        .addColumn('hashes', bytes, (c) => c.notNull())
        .addColumn('root', bytes, (c) => c.notNull())
        .addPrimaryKeyConstraint('audit_tiles_key', ['level', 'number'])
        .execute()
      await table('audit_checkpoints')
        .addColumn('size', 'bigint', (c) => c.primaryKey())
        .addColumn('time', 'bigint', (c) => c.notNull())
        .addColumn('note', 'text', (c) => c.notNull())
        .execute()
      await table('given_epochs')
        .addColumn('sender', 'integer', (c) => c.notNull())
        .addColumn('channel_id', 'text', (c) => c.notNull())
        .addColumn('epoch', 'bigint', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('given_epochs_key', ['sender', 'channel_id', 'epoch', 'key'])
        .execute()
      await db.schema
        .alterTable('channels')
        .addColumn('audit', 'text', (c) => c.notNull().defaultTo('counts'))
        .execute()
      await db.schema
        .alterTable('roles')
        .addColumn('auditor', 'integer', (c) => c.notNull().defaultTo(0))
        .execute()
    },
  }
}

// Brokers apart from the authority are told the password itself. Senders of before have none: only its hash is there.
function brokerPasswords(engine: Engine): Migration {
  return {
    up: async (db: Kysely<never>) => {
      await db.schema
        .alterTable('senders')
        .addColumn('broker_password_wrapped', engine === 'sqlite' ? 'blob' : 'bytea')
        .execute()
    },
  }
}

function devices(): Migration {
  return {
    up: async (db: Kysely<never>) => {
      await db.schema
        .alterTable('members')
        .addColumn('kind', 'text', (c) => c.notNull().defaultTo('person'))
        .execute()
      await db.schema
        .createIndex('members_kind')
        .on('members')
        .columns(['kind', 'email'] as never)
        .execute()
      const senders = () => db.schema.alterTable('senders')
      await senders().addColumn('last_seen_at', 'bigint').execute()
      await senders().addColumn('last_address', 'text').execute()
      await senders().addColumn('version', 'text').execute()
      await db.schema
        .createIndex('senders_member')
        .on('senders')
        .columns(['member_id'] as never)
        .execute()
    },
  }
}

function monitors(): Migration {
  return {
    up: async (db: Kysely<never>) => {
      await db.schema
        .alterTable('roles')
        .addColumn('monitor', 'integer', (c) => c.notNull().defaultTo(0))
        .execute()
    },
  }
}

function narrowedGrantsAndRenewal(engine: Engine): Migration {
  const bytes = engine === 'sqlite' ? 'blob' : 'bytea'
  return {
    up: async (db: Kysely<never>) => {
      await db.schema.alterTable('grants').addColumn('filters', 'text').execute()
      const senders = () => db.schema.alterTable('senders')
      await senders()
        .addColumn('token_generation', 'integer', (c) => c.notNull().defaultTo(1))
        .execute()
      await senders().addColumn('token_since', 'bigint').execute()
      await senders().addColumn('next_token_hash', bytes).execute()
      await senders().addColumn('copied_at', 'bigint').execute()
      await db.schema
        .createIndex('senders_next_token')
        .on('senders')
        .columns(['next_token_hash'] as never)
        .unique()
        .execute()
      await db.schema
        .createTable('spent_tokens')
        .addColumn('token_hash', bytes, (c) => c.primaryKey())
        .addColumn('sender', 'integer', (c) => c.notNull())
        .addColumn('spent_at', 'bigint', (c) => c.notNull())
        .execute()
    },
  }
}

// No foreign key: a sender outlives its session as an ended one.
function sessionSenders(): Migration {
  return {
    up: async (db: Kysely<never>) => {
      const senders = () => db.schema.alterTable('senders')
      await senders().addColumn('session_id', 'text').execute()
      await senders().addColumn('session_until', 'bigint').execute()
      await senders().addColumn('ended_at', 'bigint').execute()
      await db.schema
        .createIndex('senders_session')
        .on('senders')
        .columns(['session_id'] as never)
        .execute()
    },
  }
}
