// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"danh/account"
	. "danh/account/accounttest"
	"danh/audit"
	"danh/internal/clock"
	"danh/internal/db"
	"danh/registry/population"
)

// statements lists what fn asks of the database, in order.
func statements(t *testing.T, fn func(ctx context.Context)) []string {
	t.Helper()
	rec := tracetest.NewSpanRecorder()
	tp := sdk.NewTracerProvider(sdk.WithSpanProcessor(rec), sdk.WithSampler(sdk.AlwaysSample()))
	ctx, root := tp.Tracer("test").Start(t.Context(), "work")
	fn(ctx)
	root.End()
	var out []string
	for _, s := range rec.Ended() {
		for _, a := range s.Attributes() {
			if a.Key == "db.query.text" {
				out = append(out, a.Value.AsString())
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("nothing was asked: the tracing of statements is broken")
	}
	return out
}

// Time tells what text does not: for every reason why an opening stops, the
// same statements run and no hash is computed.
func TestStoppedOpeningsCostTheSame(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan, dead, minh := h.Register(t, Lan), h.Register(t, Dead), h.Register(t, Minh)
		_, s := h.Open(t, h.Register(t, Minh2()), "0987654321")
		h.Lock(t, s.Account)
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		h.Open(t, lan, phone)
		unknown, differs := minh.Declared, minh.Declared
		unknown.Number, differs.Name = "079085009999", "Trần Thị Minh"
		locked := account.Declared{Number: "048099000777", Name: "Hoàng Gia Bảo", BirthDate: clock.Date{Year: 1999, Month: 12, Day: 31}, Sex: population.Male}
		var first []string
		for i, d := range []account.Declared{lan.Declared, locked, dead.Declared, unknown, differs} {
			tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
			ok(t, err)
			_, err = h.Keeper.Declare(t.Context(), tok, d, Remote())
			ok(t, err)
			hashes := h.Keeper.Hashes()
			got := statements(t, func(ctx context.Context) {
				o, err := h.Keeper.PutPortrait(ctx, tok, bytes.NewReader(Portrait()))
				if err != nil || o.Step != account.StepCase {
					t.Errorf("%d: at %s, %v", i, o.Step, err)
				}
			})
			if i == 0 {
				first = got
			}
			if !slices.Equal(got, first) || h.Keeper.Hashes() != hashes {
				t.Errorf("%d: %d statements, not %d:\n%q\n%q", i, len(got), len(first), got, first)
			}
		}
	})
}

func TestRefusedSignInsCostTheSame(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		h.Open(t, h.Register(t, Lan), phone)
		_, minh := h.Open(t, h.Register(t, Minh), "0987654321")
		h.Lock(t, minh.Account)
		ctx := t.Context()
		_, err := h.Keeper.Value(ctx, "signin_slow_after") // the rules are read once a minute
		ok(t, err)
		var first []string
		for i, in := range []account.SignIn{
			{Number: "001190001234", Password: "Sai-mật-khẩu-1", Remote: Remote()},
			{Number: "079085004321", Password: Password, Remote: Remote()},
			{Number: "079085009999", Password: Password, Remote: Remote()},
		} {
			hashes := h.Keeper.Hashes()
			got := statements(t, func(ctx context.Context) {
				_, _, err := h.Keeper.SignIn(ctx, in)
				wrong(t, err, "account.signin.wrong")
			})
			if i == 0 {
				first = got
			}
			if !slices.Equal(got, first) || h.Keeper.Hashes() != hashes+1 {
				t.Errorf("%d: %d hashes, statements\n%q\n%q", i, h.Keeper.Hashes()-hashes, got, first)
			}
		}
	})
}

// The portrait is asked for while its rule is in force.
func TestPortraitIsSwitchedByDate(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		ok(t, h.DB.Write(t.Context(), func(tx *db.Tx) error {
			return h.Keeper.SetRuleTx(t.Context(), tx, audit.System("test"), account.Rule{Name: "opening_portrait", From: clock.DateOf(h.Clock.Now()), Value: 0, Source: "test"})
		}))
		tok, _, err := h.Keeper.StartOpening(t.Context(), "vi", "", Remote())
		ok(t, err)
		o, err := h.Keeper.Declare(t.Context(), tok, lan.Declared, Remote())
		ok(t, err)
		if o.Step != account.StepPhone || o.HasPortrait {
			t.Errorf("at %s", o.Step)
		}
	})
}

// What a carrier says later ends the provisional state.
func TestCarrierAskedAgain(t *testing.T) {
	run(t, func(t *testing.T, h *House) {
		lan := h.Register(t, Lan)
		tok, s := h.Open(t, lan, phone)
		_, err := h.Keeper.RecheckCarrier(t.Context(), s)
		wrong(t, err, "account.carrier.silent")
		h.Carrier.Says(phone, lan.Declared.Number, account.No)
		a, err := h.Keeper.RecheckCarrier(t.Context(), s)
		ok(t, err)
		if !a.Provisional || a.Proofing.Carrier != account.No {
			t.Errorf("%+v", a)
		}
		h.Carrier.Says(phone, lan.Declared.Number, account.Yes)
		_, err = h.Keeper.RecheckCarrier(t.Context(), s)
		ok(t, err)
		s, err = h.Keeper.FindSession(t.Context(), tok)
		ok(t, err)
		if s.Provisional {
			t.Error("still provisional")
		}
		if _, _, err = signIn(t, h, lan.Old, Password); err != nil {
			t.Errorf("her old number: %v", err)
		}
		_, err = h.Keeper.RecheckCarrier(t.Context(), s)
		wrong(t, err, "account.carrier.not_provisional")
	})
}
