// SPDX-License-Identifier: Apache-2.0

package partner

import (
	"context"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/keys"
)

// Door is one of this installation's own doors, an ordinary client that differs
// from a partner in two things: its subjects are account ids, and its secret is
// kept by the installation itself.
type Door struct {
	ID     ID     // "portal", "officer", "partner", "auditor"
	Name   Text   // empty: the usual name of that door
	Origin string // "http://127.0.0.1:8081"; callback and logout addresses are derived
	Asks   []Ask  // empty: the usual ones of that door
}

// CallbackPath and LoggedOutPath are where an own door receives a person back.
const (
	CallbackPath  = "/callback"
	LoggedOutPath = "/"
)

// DoorSecret gives an own door's client secret, stable for the installation.
func DoorSecret(k *keys.Store, door ID) (Secret, error) {
	b, err := k.Secret("door-"+string(door), 32)
	if err != nil {
		return "", fmt.Errorf("secret of an own door: %w", err)
	}
	return Secret(base64.RawURLEncoding.EncodeToString(b)), nil
}

var doorNames = map[ID]Text{
	"portal":  {"Cổng dịch vụ công Danh", "Danh public-service portal"},
	"officer": {"Bàn làm việc cán bộ", "Officer console"},
	"partner": {"Cổng đối tác", "Partner door"},
	"auditor": {"Bàn kiểm tra", "Auditor door"},
}

var signIn = Ask{Scope: "openid", Purpose: Text{"nhận ra tài khoản của bạn khi bạn đăng nhập", "recognise your account when you sign in"}}

var doorAsks = map[ID][]Ask{
	"portal": {
		signIn,
		{Scope: "profile", Purpose: Text{"điền sẵn vào tờ khai", "fill it in on forms"}},
		{Scope: "number", Purpose: Text{"điền sẵn số định danh cá nhân vào tờ khai", "fill in your personal number on forms"}},
		{Scope: "phone", Purpose: Text{"báo kết quả hồ sơ qua điện thoại", "tell you by phone how your case goes"}},
		{Scope: "email", Purpose: Text{"báo kết quả hồ sơ qua thư điện tử", "tell you by e-mail how your case goes"}},
		{Scope: "residence", Purpose: Text{"điền sẵn địa chỉ vào tờ khai", "fill in the address on forms"}},
		{Scope: "organisation", Purpose: Text{"điền sẵn mã số, trụ sở của tổ chức mà bạn làm thay", "fill in code and seat of the organisation you act for"}},
		{Scope: "level", Purpose: Text{"biết thủ tục nào tài khoản của bạn làm được", "know which procedures your account may use"}},
	},
	"officer": {signIn, {Scope: "profile", Purpose: Text{"ghi tên cán bộ vào việc đã làm", "put the officer's name on what was done"}}, {Scope: "level", Purpose: Text{"kiểm tra mức tài khoản của cán bộ", "check the level of the officer's account"}}},
	"partner": {signIn, {Scope: "profile", Purpose: Text{"ghi tên người đại diện vào việc đã làm", "put the representative's name on what was done"}}},
	"auditor": {signIn, {Scope: "profile", Purpose: Text{"ghi tên người kiểm tra vào việc đã làm", "put the auditor's name on what was done"}}},
}

// EnsureOwnDoors registers this installation's doors, or brings them up to
// date. It is idempotent: a start that changes nothing writes nothing.
func EnsureOwnDoors(ctx context.Context, d *Directory, k *keys.Store, doors []Door) error {
	for _, door := range doors {
		s, err := DoorSecret(k, door.ID)
		if err != nil {
			return err
		}
		origin := strings.TrimSuffix(door.Origin, "/")
		want := Client{
			ID: door.ID, Name: door.Name, Profile: OIDC, AuthMethod: SecretBasic, SecretHash: s.Hash(),
			RedirectURIs: []string{origin + CallbackPath}, PostLogoutURIs: []string{origin + LoggedOutPath},
			Asks: door.Asks, OwnDoor: true, Sector: string(door.ID),
		}
		if want.Name == (Text{}) {
			want.Name = doorNames[door.ID]
		}
		if len(want.Asks) == 0 {
			want.Asks = doorAsks[door.ID]
		}
		have, err := find(ctx, d.c.DB.Read(), door.ID)
		if err == nil && same(have, want) {
			continue
		}
		if err != nil && err != ErrUnknown {
			return err
		}
		err = d.c.DB.Write(ctx, func(tx *db.Tx) error { return d.RegisterTx(ctx, tx, audit.System("partner"), want) })
		if err != nil {
			return fmt.Errorf("register own door %s: %w", door.ID, err)
		}
	}
	return nil
}

func same(a, b Client) bool {
	return a.Name == b.Name && a.AuthMethod == b.AuthMethod && slices.Equal(a.SecretHash, b.SecretHash) && a.OwnDoor == b.OwnDoor &&
		slices.Equal(a.RedirectURIs, b.RedirectURIs) && slices.Equal(a.PostLogoutURIs, b.PostLogoutURIs) &&
		a.Sector == b.Sector && reflect.DeepEqual(a.Asks, b.Asks)
}
