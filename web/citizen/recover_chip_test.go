// SPDX-License-Identifier: Apache-2.0

package citizen_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"

	"danh/account"
	. "danh/account/accounttest"
	"danh/account/recovery"
	"danh/audit"
	"danh/internal/db"
	"danh/internal/reader"
	"danh/internal/reader/emrtd"
	"danh/internal/reader/readertest"
	"danh/internal/webtest"
	"danh/registry/card"
	"danh/web/citizen"
)

// TestAChipReadAtHome reads a simulated chip behind its access control, as the
// program danh reader card does, and hands it in without a cookie or a pairing.
func TestAChipReadAtHome(t *testing.T) {
	runCards(t, func(t *testing.T, d *db.DB) {
		h, cards, lan, c, _ := issued(t, d)
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		look := audit.Look{By: audit.System("test"), Purpose: "test", Ground: "test"}
		officer := audit.Officer([16]byte{1}, [16]byte{2}, "Công an phường Kim Liên")
		if c, err = cards.Issue(t.Context(), officer, card.Order{Person: lan.ID, Cause: card.Change, Portrait: Portrait(), ChipKey: key.Public()}); err != nil {
			t.Fatal(err)
		}
		if err := cards.Decide(t.Context(), officer, card.Decision{Person: lan.ID, Card: c.ID, Step: card.HandOver, Ground: "test"}); err != nil {
			t.Fatal(err)
		}
		image, com, err := cards.ReadChip(t.Context(), look, lan.ID, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		desk := recovery.New(recovery.Config{DB: h.DB, Clock: h.Clock, Log: h.Log, Seal: h.Seal, Jobs: h.Jobs, Audit: h.Audit, Notify: h.Notify, Accounts: h.Keeper, Carrier: h.Carrier, Cards: cards, Citizen: Citizen})
		client := webtest.Serve(t, citizen.Door(citizen.Config{Accounts: h.Keeper, Recovery: desk, Notify: h.Notify, Audit: h.Audit, Clock: h.Clock, Log: h.Log, Cards: cards}))
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		h.Open(t, lan, phone)
		client.Get("/recover/begin?kind=phone_lost").Submit("Tiếp tục", "number", lan.Declared.Number.Reveal(), "name", lan.Declared.Name, "birth_date", "02/09/1990")
		h.Deliver(t)
		p := client.Get("/recover/course").Submit("Chip thẻ căn cước").Submit("Lấy mã cho đầu đọc").Want(200, "danh reader card --at", "chưa đọc được chip thẻ qua NFC")
		code := p.Text(".receipt .code")
		post := func(path string, body any, status int, into any) {
			t.Helper()
			b, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.Post(client.Base+path, "application/json", bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if r.StatusCode != status {
				t.Fatalf("%s: %d, want %d", path, r.StatusCode, status)
			}
			if into != nil {
				if err := json.NewDecoder(r.Body).Decode(into); err != nil {
					t.Fatal(err)
				}
			}
		}
		var why reader.HomeRefusal
		post("/recover/chip/challenge", reader.HomeAsk{Code: "AAAAA-22222"}, 404, &why)
		if why.Type != "urn:danh:fault:account.recovery.chip" || why.Title == "" {
			t.Errorf("%+v", why)
		}
		post("/recover/chip/challenge", map[string]any{"nothing": 1}, 400, nil)
		var ask reader.HomeChallenge
		post("/recover/chip/challenge", reader.HomeAsk{Code: code}, 200, &ask)
		if ask.Browser == "" || len(ask.Nonce) != 8 || ask.Purpose == "" {
			t.Fatalf("%+v", ask)
		}
		access := reader.Access{Document: "190001234", Birth: "900902", Expiry: "300902"}
		sim := &readertest.Chip{Access: access, Key: key, Files: map[uint16][]byte{0x011E: com, 0x011D: image.Security}}
		for n, b := range image.Files {
			sim.Files[uint16(0x0100+n)] = b
		}
		got, err := emrtd.Read(t.Context(), sim, reader.Ask{Want: reader.Want{Kind: reader.Chip}, Challenge: ask.Nonce, Access: access})
		if err != nil {
			t.Fatal(err)
		}
		out := reader.HomeChip{Code: code, Challenge: ask.Challenge, Security: got.Files["sod"], Files: map[int][]byte{1: got.Files["dg1"], 14: got.Files["dg14"], 15: got.Files["dg15"]}, Answer: bytes.Clone(got.Answer)}
		bad := out
		bad.Answer = bytes.Repeat([]byte{1}, 64)
		post("/recover/chip", bad, 422, &why) // and the challenge is spent
		post("/recover/chip", out, 409, &why)
		post("/recover/chip/challenge", reader.HomeAsk{Code: code}, 200, &ask)
		if got, err = emrtd.Read(t.Context(), sim, reader.Ask{Want: reader.Want{Kind: reader.Chip}, Challenge: ask.Nonce, Access: access}); err != nil {
			t.Fatal(err)
		}
		out.Challenge, out.Answer = ask.Challenge, got.Answer
		post("/recover/chip", out, 204, nil)
		client.Get("/recover/course").Want(200, "Đang chờ", "Chip thẻ căn cước")
		post("/recover/chip", out, 404, nil)
	})
}
