// SPDX-License-Identifier: Apache-2.0

package dossier_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"danh/account"
	"danh/audit"
	"danh/enrolment"
	"danh/internal/clock"
	"danh/internal/fault"
	"danh/internal/id"
	"danh/internal/page"
	"danh/internal/webtest"
	"danh/web/citizen/dossier"
	"danh/web/citizen/session"
)

var now = time.Date(2026, 11, 21, 2, 41, 0, 0, time.UTC)

// desk answers as the enrolment office does: one's own dossiers by who asks,
// one dossier by code and birth date, and everything else as absent.
type desk struct {
	own     map[id.Person][]enrolment.Tracked
	birth   clock.Date
	tries   int
	tracked []string
}

func (d *desk) ListOwn(_ context.Context, by audit.Actor) ([]enrolment.Tracked, error) {
	return d.own[by.Person], nil
}

func (d *desk) FindOwn(_ context.Context, by audit.Actor, code string) (enrolment.Tracked, error) {
	for _, t := range d.own[by.Person] {
		if t.Code == code {
			return t, nil
		}
	}
	return enrolment.Tracked{}, fault.New(fault.NotFound, "enrolment.not_found")
}

func (d *desk) OwnDocument(ctx context.Context, by audit.Actor, code, name string) ([]byte, error) {
	t, err := d.FindOwn(ctx, by, code)
	if err != nil {
		return nil, err
	}
	return []byte("%PDF-1.3 " + t.Code + " " + name), nil
}

func (d *desk) Track(_ context.Context, code string, birth clock.Date, address string) (enrolment.Tracked, error) {
	d.tracked = append(d.tracked, address)
	if d.tries++; d.tries > 3 {
		return enrolment.Tracked{}, fault.New(fault.TooMany, "enrolment.too_many").In(10 * time.Minute)
	}
	for _, all := range d.own {
		for _, t := range all {
			if t.Code == code && birth == d.birth {
				return t, nil
			}
		}
	}
	return enrolment.Tracked{}, fault.New(fault.NotFound, "enrolment.not_found")
}

var accountID = account.ID(id.NewPerson())

var lan, other = id.NewPerson(), id.NewPerson()

func tracked(state enrolment.State) enrolment.Tracked {
	day := func(d int) clock.Date { return clock.Date{Year: 2026, Month: 11, Day: d} }
	t := enrolment.Tracked{Code: "CC-26-7K3M9-QPD2X", Kind: enrolment.Reissue, State: state, OfficeName: "Công an phường Thủ Đức", Name: "Nguyễn Thị Phương Lan",
		OpenedAt: day(16), CompleteAt: day(16), DueAt: day(25), Documents: []string{"receipt", "enrolment", "../../etc/passwd"},
		Events: []enrolment.Event{{At: now.AddDate(0, 0, -5), Name: "opened", By: "Công an phường Thủ Đức"}, {At: now.AddDate(0, 0, -5), Name: "handed_in"}}}
	switch state {
	case enrolment.Supplement:
		t.Stopped, t.Asked = true, []string{"Bản chính quyết định giám hộ"}
		t.Events = append(t.Events, enrolment.Event{At: now, Name: "supplement_asked"})
	case enrolment.Approved:
		t.Card = &enrolment.CardPart{Fee: 70000, Appointment: now.AddDate(0, 0, 4)}
		t.Events = append(t.Events, enrolment.Event{At: now, Name: "approved"}, enrolment.Event{At: now, Name: "something_new"})
	case enrolment.Refused:
		t.RefusedReason, t.RefusedWords = "not_same", "Ảnh khác người đến."
		t.Events = append(t.Events, enrolment.Event{At: now, Name: "refused"})
	}
	return t
}

// serve puts the journey on a site; who is signed in is said by the test.
func serve(t *testing.T, d *desk, who *id.Person) *webtest.Client {
	site := page.New(page.Config{Door: "citizen", Clock: clock.NewFake(now), Brand: page.Text{VI: "Thử", EN: "Test"}, Home: "/"})
	mux := http.NewServeMux()
	dossier.Mount(mux, site, d)
	return webtest.Serve(t, site.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !who.IsZero() {
			r = r.WithContext(session.With(r.Context(), account.Session{Account: accountID, Person: *who}))
		}
		mux.ServeHTTP(w, r)
	})))
}

func TestSheFollowsHerDossier(t *testing.T) {
	d := &desk{own: map[id.Person][]enrolment.Tracked{lan: {tracked(enrolment.Waiting)}}}
	c := serve(t, d, &lan)
	p := c.Get("/dossiers").Want(200, "Cấp lại thẻ căn cước", "Nguyễn Thị Phương Lan · hẹn 25/11/2026")
	p = p.Click("Cấp lại thẻ căn cước Nguyễn Thị Phương Lan · hẹn 25/11/2026").At("/dossiers/CC-26-7K3M9-QPD2X").
		Want(200, "CC-26-7K3M9-QPD2X", "Đồng hồ đang chạy", "Chậm nhất ngày 25/11/2026", "Giấy hẹn trả kết quả", "Công an phường Thủ Đức").Lacks("passwd").Lacks("Quá hẹn")
	if got := len(p.All(".tl li.dotted")); got != 1 {
		t.Errorf("%d things are still to come", got)
	}
	p = p.Click("Giấy hẹn trả kết quả Tải tệp PDF có chữ ký số")
	if !strings.HasPrefix(p.Body, "%PDF-1.3 CC-26-7K3M9-QPD2X receipt") || p.Header.Get("Content-Type") != "application/pdf" || p.Header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("%q %v", p.Body, p.Header)
	}
	c.English()
	c.Get("/dossiers/cc 26 7k3m9 qpd2x").Want(200, "Re-issue of the identity card", "By 25/11/2026 at the latest", "Download as signed PDF")
}

func TestEachStateSaysWhatIsNext(t *testing.T) {
	late := tracked(enrolment.Waiting)
	late.Late = true
	account := tracked(enrolment.Approved)
	account.Card = nil
	for name, x := range map[string]struct {
		t     enrolment.Tracked
		want  []string
		lacks string
		line  string // of the newest entry
	}{
		"late":       {late, []string{"Quá hẹn", "Chúng tôi chưa kịp như đã hẹn", "Đã hẹn ngày 25/11/2026 và chưa kịp"}, "Chậm nhất", "dotted"},
		"supplement": {tracked(enrolment.Supplement), []string{"Cần bạn bổ sung", "Bản chính quyết định giám hộ", "Tạm dừng, chờ bạn bổ sung", "Đã hẹn 25/11/2026, nay tạm dừng"}, "Đồng hồ đang chạy", "dotted"},
		"approved":   {tracked(enrolment.Approved), []string{"Đến nhận theo lịch hẹn", "25/11/2026", "70.000", "Một bước trong hồ sơ"}, "Kích hoạt", "dotted"},
		"account":    {account, []string{"Kích hoạt bằng mã", "7 ngày"}, "Thẻ đang được làm", "solid"},
		"refused":    {tracked(enrolment.Refused), []string{"không khớp", "Ảnh khác người đến.", "khiếu nại"}, "Đồng hồ đang chạy", "solid"},
		"done":       {tracked(enrolment.Done), []string{"Đã xong", "Không còn việc gì"}, "Đồng hồ đang chạy", "solid"},
		"draft":      {tracked(enrolment.Draft), []string{"Hồ sơ chưa nộp"}, "Đồng hồ đang chạy", "solid"},
		"withdrawn":  {tracked(enrolment.Withdrawn), []string{"Đã rút"}, "Đồng hồ đang chạy", "solid"},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, &desk{own: map[id.Person][]enrolment.Tracked{lan: {x.t}}}, &lan)
			p := c.Get("/dossiers/"+x.t.Code).Want(200, x.want...).Lacks(x.lacks)
			if got := p.Attr(".tl li", "class"); !strings.HasPrefix(got, x.line) {
				t.Errorf("the line is %q", got)
			}
			if name == "supplement" && !p.Has(".tl li.dashed") {
				t.Error("no clock stands still")
			}
			c.Get("/dossiers").Want(200, "Nguyễn Thị Phương Lan")
		})
	}
}

// Somebody who is signed in asks for another's dossier by its code, and for
// files that are no papers.
func TestAnothersDossierIsAbsent(t *testing.T) {
	d := &desk{own: map[id.Person][]enrolment.Tracked{lan: {tracked(enrolment.Waiting)}}}
	who := other
	c := serve(t, d, &who)
	c.Get("/dossiers").Want(200, "Chưa có hồ sơ nào")
	for _, path := range []string{"/dossiers/CC-26-7K3M9-QPD2X", "/dossiers/CC-26-7K3M9-QPD2X/receipt", "/dossiers/CC-26-00000-00000", "/dossiers/%3Cscript%3E"} {
		c.Get(path).Want(404, "Không có hồ sơ này").Lacks("Phương Lan", "<script>")
	}
	who = lan
	for _, name := range []string{"..%2F..%2Fetc%2Fpasswd", "portrait", "receipt.pdf"} {
		c.Get("/dossiers/CC-26-7K3M9-QPD2X/"+name).Want(404, "Không có hồ sơ này")
	}
	who = id.Person{}
	c.Stop()
	if p := c.Get("/dossiers/CC-26-7K3M9-QPD2X/receipt"); p.Status != http.StatusSeeOther {
		t.Errorf("nobody gets %d", p.Status)
	}
}

func TestTrackingWithoutAnAccount(t *testing.T) {
	d := &desk{own: map[id.Person][]enrolment.Tracked{lan: {tracked(enrolment.Refused)}}, birth: clock.Date{Year: 1990, Month: 9, Day: 2}}
	c := serve(t, d, &id.Person{})
	p := c.Get("/track?code=cc267k3m9qpd2x").Want(200, "Tra cứu hồ sơ")
	if got := p.Value("code"); got != "CC-26-7K3M9-QPD2X" {
		t.Errorf("the receipt's code fills %q", got)
	}
	p = p.Submit("Xem hồ sơ", "birth_date", "2/9/1990").Want(200, "Bị từ chối", "CC-26-7K3M9-QPD2X", "Cấp lại thẻ căn cước")
	p.Lacks("Phương Lan", "Ảnh khác người đến", "1990", "/receipt")
	if p.Header.Get("Cache-Control") != "no-store" || len(d.tracked) != 1 || strings.Contains(d.tracked[0], ":") {
		t.Errorf("%q %v", p.Header.Get("Cache-Control"), d.tracked)
	}
	// A wrong code and a wrong date are answered alike, and tries end.
	first := c.Get("/track").Submit("Xem hồ sơ", "code", "CC-26-00000-00000", "birth_date", "02/09/1990").Want(422, "Không có hồ sơ nào với mã và ngày sinh này")
	second := c.Get("/track").Submit("Xem hồ sơ", "code", "CC-26-7K3M9-QPD2X", "birth_date", "03/09/1990").Want(422)
	if first.Text(".errsum") != second.Text(".errsum") {
		t.Errorf("told apart: %q, %q", first.Text(".errsum"), second.Text(".errsum"))
	}
	c.Get("/track").Submit("Xem hồ sơ", "code", "CC-26-7K3M9-QPD2X", "birth_date", "02/09/1990").Want(429, "Thử quá nhiều lần", "10 phút")
	c.Get("/track").Submit("Xem hồ sơ", "code", "HS-1", "birth_date", "31/2/1990").Want(422, "CC, hai số của năm", "Ngày chưa đúng")
	c.Get("/track").Submit("Xem hồ sơ").Want(422, "Hãy điền mã hồ sơ", "Hãy điền ngày sinh")
	if len(d.tracked) != 4 {
		t.Errorf("the room was asked %d times", len(d.tracked))
	}
}

func TestPagesAreAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a browser")
	}
	d := &desk{own: map[id.Person][]enrolment.Tracked{lan: {tracked(enrolment.Supplement), tracked(enrolment.Done)}}}
	c := serve(t, d, &lan)
	b := webtest.Chromium(t)
	for _, path := range []string{"/dossiers", "/dossiers/CC-26-7K3M9-QPD2X", "/track"} {
		for _, dark := range []bool{false, true} {
			tab := b.Tab(360, dark).Go(c.Base + path)
			tab.Accessible()
			if p := tab.Problems(); len(p) > 0 {
				t.Errorf("%s: %v", path, p)
			}
			if dir := os.Getenv("DANH_SHOTS"); dir != "" {
				tab.Shot(fmt.Sprintf("%s/dossier%s-%t.png", dir, strings.ReplaceAll(path, "/", "-"), dark))
			}
		}
	}
}
