// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
	"danh/internal/id"
	"danh/internal/keys"
	"danh/internal/webtest"
	"danh/registry/card"
	"danh/registry/residence"
	"danh/web/citizen"
)

// issued opens the door with a card registry in which Lan has a card in force.
func issued(t *testing.T, d *db.DB) (*House, *card.Registry, Person, card.Card, *webtest.Client) {
	t.Helper()
	h := New(t, d)
	homes, err := residence.New(residence.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Population: h.Population, Clock: h.Clock})
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Open(keys.Config{Dir: filepath.Join(t.TempDir(), "keys"), Clock: h.Clock})
	if err != nil {
		t.Fatal(err)
	}
	cards, err := card.New(card.Config{DB: d, Seal: h.Seal, Audit: h.Audit, Jobs: h.Jobs, Keys: k, Population: h.Population, Residence: homes, Clock: h.Clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := cards.EnsureSigner(t.Context()); err != nil {
		t.Fatal(err)
	}
	lan := h.Register(t, Lan)
	officer := audit.Officer(id.NewPerson(), id.NewPerson(), "Công an phường Kim Liên")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cards.Issue(t.Context(), officer, card.Order{Person: lan.ID, Cause: card.First, Portrait: Portrait(), ChipKey: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	if err := cards.Decide(t.Context(), officer, card.Decision{Person: lan.ID, Card: c.ID, Step: card.HandOver, Ground: "test"}); err != nil {
		t.Fatal(err)
	}
	h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
	client := webtest.Serve(t, citizen.Door(citizen.Config{Accounts: h.Keeper, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log, Cards: cards}))
	return h, cards, lan, c, client
}

func runCards(t *testing.T, body func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Parallel()
	dbtest.Run(t, append(append([]db.Schema{}, Schemas...), residence.Schema, card.Schema), body)
}

func TestSheSeesHerCardAndReportsItLost(t *testing.T) {
	runCards(t, func(t *testing.T, d *db.DB) {
		h, cards, lan, c, client := issued(t, d)
		open(t, h, client, lan, phone, "/open")
		// 1. At level 1 she learns that there is a card and what became of it, and sees no face of it.
		p := client.Get("/").Click("Thẻ căn cước Xem thẻ, báo mất, theo dõi hồ sơ").At("/card").Want(200, "Còn hiệu lực", "Hình thẻ cần tài khoản mức 2")
		if p.Has("figure img") {
			t.Error("level 1 sees the card's faces")
		}
		// 2. At level 2 both faces are drawn.
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE account_account SET level = 2 WHERE person = $1`, lan.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		p = client.Get("/card").Want(200, "Mặt trước của thẻ", "Mặt sau của thẻ")
		for _, img := range p.All("figure img") {
			for _, a := range img.Attr {
				if a.Key == "src" && !strings.HasPrefix(a.Val, "data:image/png;base64,iVBOR") {
					t.Errorf("a face is no picture: %.30s", a.Val)
				}
			}
		}
		if n := len(p.All("figure img")); n != 2 {
			t.Errorf("%d faces", n)
		}
		// 3. A loss is asked about once more, and needs its reason.
		p = p.Click("Báo mất thẻ").Want(200, "không dùng lại được nữa").Lacks(lan.Declared.Number.Reveal())
		p = p.Submit("Báo mất").Want(422)
		p.Submit("Báo mất", "why", "stolen").At("/card").Want(200, "Đã báo mất thẻ", "Đã báo mất", "Cần làm lại thẻ")
		look := audit.Look{By: audit.System("test"), Purpose: "test", Ground: "test"}
		if got, err := cards.Find(t.Context(), look, lan.ID, c.ID); err != nil || got.State != card.Lost || got.Reason != "stolen" {
			t.Errorf("%v, %v", got.State, err)
		}
		client.Get("/card/"+c.ID.String()+"/lost").Submit("Báo mất", "why", "lost").Want(409)
	})
}

func TestStrangerReportsHerCardLost(t *testing.T) {
	runCards(t, func(t *testing.T, d *db.DB) {
		h, cards, lan, c, client := issued(t, d)
		client.Get("/card/" + c.ID.String() + "/lost").At("/signin")
		minh := h.Register(t, Minh)
		h.Carrier.Says("0987654321", minh.Declared.Number, account.Yes)
		open(t, h, client, minh, "0987654321", "/open")
		client.Get("/card").Want(200, "Chưa có thẻ nào")
		client.Get("/card/" + c.ID.String() + "/lost").Want(404)
		client.Post("/card/"+c.ID.String()+"/lost", map[string][]string{"why": {"lost"}}).Want(404)
		if got, err := cards.Find(t.Context(), audit.Look{By: audit.System("test"), Purpose: "test", Ground: "test"}, lan.ID, c.ID); err != nil || got.State != card.Delivered {
			t.Errorf("%v, %v", got.State, err)
		}
	})
}
