// SPDX-License-Identifier: Apache-2.0

package office

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"

	"danh/internal/clock"
	"danh/internal/db"
	"danh/internal/gazetteer"
	"danh/registry/unit"
)

//go:embed holidays.tsv
var holidays string

const generated = "sinh từ danh mục đơn vị hành chính" // source of an office of which only the commune is known

// hours as seed 004 gives them, and the Saturday of residence procedures'
// intake: Monday to Friday 7:30–11:30 and 13:30–17:30, Saturday until 11:30.
const hoursSource = "Thông báo của Công an thành phố Thủ Đức, 25/02/2022"

// Load brings the tables to the present edition of communes, holidays and
// hours; it costs one read when they are there already. Several servers may
// run it at once. It needs the units' tables loaded.
func Load(ctx context.Context, d *db.DB, units *unit.Directory) error {
	h := sha256.Sum256([]byte("3\x00" + gazetteer.Edition() + "\x00" + holidays))
	want := hex.EncodeToString(h[:8])
	have, err := edition(ctx, d.Read())
	if err != nil {
		return fmt.Errorf("load offices: %w", err)
	}
	if have == want {
		return nil
	}
	if err := units.Ready(ctx); err != nil {
		return fmt.Errorf("load offices: %w", err)
	}
	days, err := parseHolidays()
	if err != nil {
		return fmt.Errorf("load offices: %w", err)
	}
	offices := list(units)
	err = d.Write(ctx, func(tx *db.Tx) error {
		var taken string
		err := tx.QueryRowContext(ctx, `INSERT INTO office_edition (only_row, edition) VALUES (1, $1)
			ON CONFLICT (only_row) DO UPDATE SET edition = excluded.edition WHERE office_edition.edition <> excluded.edition
			RETURNING edition`, want).Scan(&taken)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another server was quicker
		}
		if err != nil {
			return err
		}
		if err := putHolidays(ctx, tx, days, want); err != nil {
			return err
		}
		if err := putHours(ctx, tx, want); err != nil {
			return err
		}
		return putOffices(ctx, tx, offices, want)
	})
	if err != nil {
		return fmt.Errorf("load offices: %w", err)
	}
	return nil
}

// list makes the commune police of every commune since the merger, the three
// offices that seed 004 names, and the police of provinces and other districts.
func list(units *unit.Directory) []Office {
	var out []Office
	for _, u := range units.Since(unit.Commune, merged) {
		out = append(out, generate(units, CommunePolice, u, u.To))
	}
	var known []Office
	begin, end := clock.Date{Year: 2022, Month: 2, Day: 25}, districtsEnd
	for _, s := range []struct{ area, street, ward, code string }{
		{"KV1", "Số 989 Đồng Văn Cống", "Phường Thạnh Mỹ Lợi", "27112"},
		{"KV2", "Số 09 Xa lộ Hà Nội", "Phường Hiệp Phú", "26839"},
		{"KV3", "Số 371 Đoàn Kết", "Phường Bình Thọ", "26824"},
	} {
		o := Office{Kind: DistrictPolice, Name: "Công an thành phố Thủ Đức (" + s.area + ")", Address: s.street + ", " + s.ward + ", Thành phố Thủ Đức, Thành phố Hồ Chí Minh",
			AddressVerified: true, UnitCode: s.code, UnitFrom: clock.Date{Year: 1900, Month: 1, Day: 1}, Phone: "0693.187.344", From: begin, To: end, Source: hoursSource}
		o.ID = key(o.Kind, o.UnitCode, o.UnitFrom, s.area)
		known = append(known, o)
	}
	return append(append(out, known...), higher(units, known)...)
}

func lower(kind string) string {
	switch kind {
	case "Phường":
		return "phường"
	case "Xã":
		return "xã"
	case "Đặc khu":
		return "đặc khu"
	}
	return strings.ToLower(kind)
}

func parseHolidays() ([]Holiday, error) {
	var out []Holiday
	no := 0
	for l := range strings.Lines(holidays) {
		if no++; no == 1 {
			continue
		}
		f := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
		if len(f) != 6 {
			return nil, fmt.Errorf("holidays.tsv, line %d is damaged", no)
		}
		day, err := clock.ParseDate(f[0])
		if err != nil || !day.Exact() {
			return nil, fmt.Errorf("holidays.tsv, line %d has no day", no)
		}
		switch DayKind(f[1]) {
		case PublicHoliday, Compensation, Swapped, Working:
		default:
			return nil, fmt.Errorf("holidays.tsv, line %d has no kind", no)
		}
		out = append(out, Holiday{Day: day, Kind: DayKind(f[1]), Name: f[2], NameEn: f[3], Source: f[4], Checked: f[5] == "yes"})
	}
	return out, nil
}

func putHolidays(ctx context.Context, tx *db.Tx, days []Holiday, edition string) error {
	for _, h := range days {
		if _, err := tx.ExecContext(ctx, `INSERT INTO office_holiday (day, kind, name_vi, name_en, source, verified, edition)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (day) DO UPDATE SET kind = excluded.kind, name_vi = excluded.name_vi,
			name_en = excluded.name_en, source = excluded.source, verified = excluded.verified, edition = excluded.edition
			WHERE office_holiday.edition <> 'operator'`,
			h.Day.String(), string(h.Kind), h.Name, h.NameEn, h.Source, h.Checked, edition); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM office_holiday WHERE edition <> $1 AND edition <> 'operator'`, edition)
	return err
}

func putHours(ctx context.Context, tx *db.Tx, edition string) error {
	for _, k := range []Kind{CommunePolice, DistrictPolice, ProvincePolice} {
		verified := k == DistrictPolice // the others' are taken over from it
		for day := 1; day <= 6; day++ {
			for _, span := range [][2]int{{7*60 + 30, 11*60 + 30}, {13*60 + 30, 17*60 + 30}} {
				if day == 6 && span[0] > 12*60 {
					continue
				}
				if _, err := tx.ExecContext(ctx, `INSERT INTO office_hours (kind, office, weekday, opens, closes, valid_from, source, verified, edition)
					VALUES ($1, '', $2, $3, $4, '2022-02-25', $5, $6, $7) ON CONFLICT (kind, office, weekday, opens, valid_from) DO UPDATE SET
					closes = excluded.closes, source = excluded.source, verified = excluded.verified, edition = excluded.edition
					WHERE office_hours.edition <> 'operator'`,
					string(k), day, span[0], span[1], hoursSource, verified, edition); err != nil {
					return err
				}
			}
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM office_hours WHERE edition <> $1 AND edition <> 'operator'`, edition)
	return err
}

// putOffices puts the offices in. What an earlier edition had and this one has
// not is kept, because other rows may name it, but is valid on no day.
func putOffices(ctx context.Context, tx *db.Tx, offices []Office, edition string) error {
	var n int64
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM office_office`).Scan(&n); err != nil {
		return err
	}
	row := func(o Office) []any {
		var to any
		if !o.To.IsZero() {
			to = o.To.String()
		}
		return []any{o.ID[:], string(o.Kind), o.Name, o.Address, o.AddressVerified, o.UnitCode, o.UnitFrom.String(), o.Phone, o.From.String(), to, o.Source, edition}
	}
	if n == 0 {
		var all iter.Seq2[[]any, error] = func(yield func([]any, error) bool) {
			for _, o := range offices {
				if !yield(row(o), nil) {
					return
				}
			}
		}
		_, err := db.CopyIn(ctx, tx, "office_office", []string{"id", "kind", "name", "address", "address_verified", "unit_code", "unit_from", "phone", "valid_from", "valid_to", "source", "edition"}, all)
		return err
	}
	for _, o := range offices {
		if _, err := tx.ExecContext(ctx, `INSERT INTO office_office (id, kind, name, address, address_verified, unit_code, unit_from, phone, valid_from, valid_to, source, edition)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address,
			address_verified = excluded.address_verified, phone = excluded.phone, valid_from = excluded.valid_from, valid_to = excluded.valid_to,
			source = excluded.source, edition = excluded.edition WHERE office_office.edition <> 'operator'`, row(o)...); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE office_office SET valid_to = valid_from WHERE edition <> $1 AND edition <> 'operator'`, edition)
	return err
}
