// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
)

func errNoDevice() error { return fault.New(fault.NotFound, "account.device.gone") }

// FindDevice finds one of an account's devices.
func (k *Keeper) FindDevice(ctx context.Context, a ID, device id.Person) (Device, error) {
	d, err := scanDevice(k.c.DB.Read().QueryRowContext(ctx, `SELECT `+deviceColumns+` FROM account_device d WHERE d.account = $1 AND d.id = $2 AND d.removed_at IS NULL`, a, device))
	if errors.Is(err, sql.ErrNoRows) {
		return Device{}, errNoDevice()
	}
	if err != nil {
		return Device{}, fmt.Errorf("find device: %w", err)
	}
	return d, nil
}

// RenameDevice gives one of her devices another name.
func (k *Keeper) RenameDevice(ctx context.Context, s Session, device id.Person, name string) error {
	s = s.Holder()
	name = labelled(name, "")
	if name == "" {
		return fault.New(fault.Invalid, "account.device.name").With("name", "account.device.name")
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_device SET name = $3 WHERE account = $1 AND id = $2 AND removed_at IS NULL`, s.Account, device, name))
		if err != nil {
			return fmt.Errorf("rename a device: %w", err)
		}
		if !ok {
			return errNoDevice()
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.device.renamed", Subject: s.Person, Detail: map[string]string{"device": device.String()}})
	})
}

// RemoveDevice takes one of her devices away, be it the one that she uses: its
// cookie and its key are worth nothing from here on, the passkeys that were made
// on it and its sessions end, and she is told on every channel.
func (k *Keeper) RemoveDevice(ctx context.Context, s Session, device id.Person) error {
	s = s.Holder()
	if err := k.Meet(ctx, s, "device_remove"); err != nil {
		return err
	}
	if err := k.Calm(ctx, s); err != nil {
		return err
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		return k.removeDeviceTx(ctx, tx, s.Actor(), s.Account, s.Person, device, "removed")
	})
}

// OnDeviceRemoved has something else undone with a device, in the transaction
// that removes it. It is called while the program is put together.
func (k *Keeper) OnDeviceRemoved(do func(ctx context.Context, tx *db.Tx, a ID, device id.Person) error) {
	k.removals = append(k.removals, do)
}

// undoneTx has undone what others keep for a device.
func (k *Keeper) undoneTx(ctx context.Context, tx *db.Tx, a ID, device id.Person) error {
	for _, do := range k.removals {
		if err := do(ctx, tx, a, device); err != nil {
			return err
		}
	}
	return nil
}

// crowdTx lets the devices go that were used least lately when there are too many.
func (k *Keeper) crowdTx(ctx context.Context, tx *db.Tx, a ID, most int) error {
	if most <= 0 {
		return nil
	}
	list, err := devicesTx(ctx, tx, `SELECT id FROM account_device WHERE account = $1 AND removed_at IS NULL ORDER BY seen_at DESC, id DESC`, a)
	if err != nil || len(list) <= most {
		return err
	}
	acc, err := k.store.find(ctx, tx, a)
	if err != nil {
		return err
	}
	for _, d := range list[most:] {
		if err := k.removeDeviceTx(ctx, tx, audit.System("account"), a, acc.Person, d, "too_many"); err != nil {
			return err
		}
	}
	return nil
}

func devicesTx(ctx context.Context, tx *db.Tx, query string, args ...any) ([]id.Person, error) {
	var out []id.Person
	err := db.Each(ctx, tx, query, args, func(r db.Row) error {
		var d id.Person
		err := r.Scan(&d)
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return out, nil
}

func (k *Keeper) removeDeviceTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, person, device id.Person, why string) error {
	now := k.c.Clock.Now()
	// 1. The row stays as history under a hash that no cookie has: its own key.
	var label, name string
	err := tx.QueryRowContext(ctx, `UPDATE account_device SET removed_at = $3, removed_why = $4, cookie_hash = $2, key = NULL WHERE account = $1 AND id = $2 AND removed_at IS NULL RETURNING label, name`,
		a, device, clock.Micros(now), why).Scan(&label, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return errNoDevice()
	}
	if err != nil {
		return fmt.Errorf("remove a device: %w", err)
	}
	if name != "" {
		label = name
	}
	// 2. What was made on it, who is signed in there, and whom it signed in elsewhere.
	if err := k.endPasskeysOfTx(ctx, tx, by, a, person, device, "device_removed"); err != nil {
		return err
	}
	ended, err := k.endWhereTx(ctx, tx, a, "device_removed", now, `(device = $4 OR approver = $4)`, device)
	if err != nil {
		return err
	}
	if err := k.endedTx(ctx, tx, a, ended); err != nil {
		return err
	}
	if err := k.undoneTx(ctx, tx, a, device); err != nil {
		return err
	}
	if err := k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: by, Action: "account.device.removed", Subject: person, Detail: map[string]string{"device": device.String(), "why": why}}); err != nil {
		return err
	}
	return k.tellTx(ctx, tx, by, a, "device_removed", map[string]string{"device": label})
}

// endPasskeysOfTx ends the passkeys that were made on a device.
func (k *Keeper) endPasskeysOfTx(ctx context.Context, tx *db.Tx, by audit.Actor, a ID, person, device id.Person, why string) error {
	var made []PasskeyID
	err := db.Each(ctx, tx, `SELECT id FROM account_passkey WHERE account = $1 AND device = $2 AND ended_at IS NULL`, []any{a, device}, func(r db.Row) error {
		var p PasskeyID
		err := r.Scan(&p)
		made = append(made, p)
		return err
	})
	if err != nil {
		return fmt.Errorf("list the device's passkeys: %w", err)
	}
	for _, p := range made {
		if err := k.endPasskeyTx(ctx, tx, by, a, person, p, why); err != nil {
			return err
		}
	}
	return nil
}

// SetPasswordOnly says whether others can unlock one of her devices too. Where
// they can, a passkey proves nothing: those that were made on it end, none is
// taken from it any more, and she signs in there by password (seed 004). Where
// there are some, that asks for as much as removing one; taking the mode back
// for as much as removing the device does.
func (k *Keeper) SetPasswordOnly(ctx context.Context, s Session, device id.Person, on bool) error {
	s = s.Holder()
	journey := "device_remove"
	if on {
		d, err := k.FindDevice(ctx, s.Account, device)
		if err != nil {
			return err
		}
		if journey = ""; d.Passkeys > 0 && !d.PasswordOnly {
			journey = "passkey_remove"
		}
	}
	if journey != "" {
		if err := k.Meet(ctx, s, journey); err != nil {
			return err
		}
		if err := k.Calm(ctx, s); err != nil {
			return err
		}
	}
	return k.c.DB.Write(ctx, func(tx *db.Tx) error {
		if err := standsTx(ctx, tx, s); err != nil {
			return err
		}
		ok, err := db.Changed(tx.ExecContext(ctx, `UPDATE account_device SET password_only = $3 WHERE account = $1 AND id = $2 AND removed_at IS NULL AND password_only <> $3`, s.Account, device, on))
		if err != nil {
			return fmt.Errorf("mark a device: %w", err)
		}
		if !ok { // it stands so already, or there is none
			_, err := k.FindDevice(ctx, s.Account, device)
			return err
		}
		if on {
			if err := k.endPasskeysOfTx(ctx, tx, s.Actor(), s.Account, s.Person, device, "password_only"); err != nil {
				return err
			}
		}
		return k.c.Audit.RecordTx(ctx, tx, audit.Entry{Actor: s.Actor(), Action: "account.device.password_only", Subject: s.Person,
			Detail: map[string]string{"device": device.String(), "on": fmt.Sprint(on)}})
	})
}

// DeviceKey gives the public key of a device, a P-256 point without
// compression, nil when it has none; and whether it is in password-only mode.
func (k *Keeper) DeviceKey(ctx context.Context, a ID, device id.Person) (key []byte, passwordOnly bool, err error) {
	err = k.c.DB.Read().QueryRowContext(ctx, `SELECT key, password_only FROM account_device WHERE account = $1 AND id = $2 AND removed_at IS NULL`, a, device).Scan(&key, &passwordOnly)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, errNoDevice()
	}
	if err != nil {
		return nil, false, fmt.Errorf("find a device's key: %w", err)
	}
	return key, passwordOnly, nil
}
