// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/office"
)

// Who may do what to somebody's account. Requests to lock or unlock come to a
// commune police (Decree 69/2024, article 30); what ends an account takes more.
var (
	counterRoles = []office.Role{office.IntakeOfficer, office.Approver}
	lockRoles    = []office.Role{office.Registrar, office.IntakeOfficer, office.Approver}
	unlockRoles  = []office.Role{office.Registrar, office.Approver}
	endRoles     = []office.Role{office.Registrar, office.Approver}
	inviteRoles  = []office.Role{office.Registrar, office.IntakeOfficer, office.Approver}
)

// staffTx asks the roster, in the change's own transaction, whether an officer
// holds one of the roles. Without a roster there are no officers.
func (k *Keeper) staffTx(ctx context.Context, tx *db.Tx, by audit.Actor, roles ...office.Role) error {
	if k.c.Roster == nil {
		return fault.New(fault.Forbidden, "office.staff.no_role")
	}
	var err error
	for _, role := range roles {
		if _, err = k.c.Roster.RequireTx(ctx, tx, by, role); err == nil || !fault.Is(err, fault.Forbidden) {
			return err
		}
	}
	return err
}

// officeTx is staffTx for officers alone, about somebody else: parts of Danh
// have no role, and nobody decides about her own account as an officer.
func (k *Keeper) officeTx(ctx context.Context, tx *db.Tx, by audit.Actor, about id.Person, roles ...office.Role) error {
	if by.Kind != audit.KindOfficer {
		return nil
	}
	if by.Person == about {
		return fault.New(fault.Forbidden, "account.staff.own")
	}
	return k.staffTx(ctx, tx, by, roles...)
}
