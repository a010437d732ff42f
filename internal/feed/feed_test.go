// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"danh/internal/clock"
	"danh/internal/feed"
)

const head = `{"format":"danh-people","version":1,"source":"test","count":2,"seed":7,"as_of":"2026-11-21"}` + "\n"

func read(t testing.TB, text string) ([]feed.Record, []*feed.LineError) {
	t.Helper()
	r, err := feed.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var recs []feed.Record
	var bad []*feed.LineError
	for {
		rec, err := r.Next()
		var le *feed.LineError
		switch {
		case errors.Is(err, io.EOF):
			return recs, bad
		case errors.As(err, &le):
			bad = append(bad, le)
		case err != nil:
			t.Fatal(err)
		default:
			recs = append(recs, rec)
		}
	}
}

// The example of the description is a feed, and writing it again gives it back.
func TestTheDescriptionsExampleReadsAndWritesBack(t *testing.T) {
	doc, err := os.ReadFile("../../docs/feed.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```jsonl\n")
	example, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("docs/feed.md has no example")
	}
	recs, bad := read(t, example)
	if len(bad) > 0 {
		t.Fatal(bad[0])
	}
	if len(recs) != strings.Count(example, "\n")-1 {
		t.Fatalf("%d records", len(recs))
	}
	r, _ := feed.NewReader(strings.NewReader(example))
	var out bytes.Buffer
	w := feed.NewWriter(&out, r.Header())
	var kinds [4]int
	for _, rec := range recs {
		w.Record(rec)
		for i, set := range []bool{rec.Person != nil, rec.Household != nil, rec.Temporary != nil, rec.Stay != nil} {
			if set {
				kinds[i]++
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if out.String() != example {
		t.Errorf("written back:\n%swant:\n%s", out.String(), example)
	}
	for i, n := range kinds {
		if n == 0 {
			t.Errorf("the example shows no record of kind %d", i)
		}
	}
}

func TestHeaderIsRefusedWithAReason(t *testing.T) {
	for text, field := range map[string]string{
		"":                                     "",
		"\n":                                   "",
		`{"format":"other"}`:                   "format",
		`{"format":"danh-people","version":2}`: "version",
		`{"format":"danh-people","version":1,"source":"a b"}`: "source",
		`{"format":"danh-people","version":1,"source":"a"}`:   "as_of",
		`{"format":"danh-people","version":1,"count":-1}`:     "count",
	} {
		_, err := feed.NewReader(strings.NewReader(text))
		var le *feed.LineError
		if !errors.As(err, &le) || le.Line != 1 || le.Field != field || le.Mend == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBadLinesNameTheFieldAndReadingGoesOn(t *testing.T) {
	good := `{"type":"person","ref":"p1","numbers":[{"number":"001190000001"}],"name":"Nguyễn An","birth_date":"1990","sex":"female"}`
	for bad, field := range map[string]string{
		`nonsense`:          "",
		`{"ref":"p1"}`:      "",
		`{"type":"dog"}`:    "",
		`{"type":"person"}`: "person.ref",
		good + `x`:          "person",
		good[:len(good)-1]:  "person",
		strings.Replace(good, `"p1"`, `"p 1"`, 1):                                            "person.ref",
		strings.Replace(good, `001190000001`, `00119000000`, 1):                              "person.numbers[0].number",
		strings.Replace(good, `001190000001`, `00119000000x`, 1):                             "person.numbers[0].number",
		strings.Replace(good, `"number":"001190000001"`, `"to":"2020-01-01"`, 1):             "person.numbers[0].number",
		strings.Replace(good, `}]`, `,"reason":"fraud"}]`, 1):                                "person.numbers[0].reason",
		strings.Replace(good, `}]`, `,"from":"2020-01-02","to":"2020-01-01"}]`, 1):           "person.numbers[0].to",
		strings.Replace(good, `}]`, `},{"number":"001190000002"}]`, 1):                       "person.numbers",
		strings.Replace(good, `"1990"`, `"1990-02-30"`, 1):                                   "person.birth_date",
		strings.Replace(good, `"1990"`, `"2/9/1990"`, 1):                                     "person.birth_date",
		strings.Replace(good, `"1990"`, `1990`, 1):                                           "person.birth_date",
		strings.Replace(good, `"female"`, `"nữ"`, 1):                                         "person.sex",
		strings.Replace(good, `"sex"`, `"gender"`, 1):                                        "person",
		strings.Replace(good, `}`, `,"name":"B"}`, 1):                                        "person.numbers[0]",
		good[:len(good)-1] + `,"name":"B"}`:                                                  "person.name",
		good[:len(good)-1] + `,"died":"1980"}`:                                               "person.died",
		good[:len(good)-1] + `,"origin":{"text":"Hà Nội","unit":"01"}}`:                      "person.origin.unit_from",
		good[:len(good)-1] + `,"origin":{"text":"Hà Nội","unit":"0001"}}`:                    "person.origin.unit",
		good[:len(good)-1] + `,"nationality":"vn"}`:                                          "person.nationality",
		good[:len(good)-1] + `,"relations":[{"kind":"aunt","ref":"p2"}]}`:                    "person.relations[0].kind",
		good[:len(good)-1] + `,"relations":[{"kind":"father","ref":"p1"}]}`:                  "person.relations",
		strings.Replace(good, `An"`, "An\xff\"", 1):                                          "person.name",
		strings.Replace(good, `An"`, `An\ud800"`, 1):                                         "person.name",
		strings.Replace(good, `An"`, `An\u0007"`, 1):                                         "person.name",
		strings.Replace(good, `An"`, "An\t\"", 1):                                            "person.name",
		strings.Replace(good, `Nguyễn An`, strings.Repeat("A", 501), 1):                      "person.name",
		`{"type":"household","ref":"h1","address":{"text":"A"},"members":[]}`:                "household.members",
		`{"type":"household","ref":"h1","members":[{"ref":"p1","relation":"head"}]}`:         "household.address",
		`{"type":"temporary","ref":"t1","person":"p1","address":{"text":"A"},"from":"2020"}`: "temporary.from",
		`{"type":"stay","ref":"s1","address":{"text":"A"},"from":"2026-01-01"}`:              "stay.person",
		`{"type":"stay","ref":"` + strings.Repeat("x", 300<<10) + `"}`:                       "",
	} {
		recs, errs := read(t, head+bad+"\n\n"+good+"\n")
		if len(recs) != 1 || recs[0].Person == nil || len(errs) != 1 {
			t.Errorf("%.80s: %d records, errors %v", bad, len(recs), errs)
			continue
		}
		e := errs[0]
		if e.Line != 2 || e.Field != field || e.Problem == "" || e.Mend == "" {
			t.Errorf("%.80s: %v, want field %q", bad, e, field)
		}
	}
}

// A value in a reject reason would carry personal data into logs.
func TestErrorsNeverRepeatAValue(t *testing.T) {
	line := `{"type":"person","ref":"Zqx1","numbers":[{"number":"Zqx2"}],"name":"Zqx3","birth_date":"Zqx4","sex":"Zqx5","Zqx6":1}`
	for _, l := range []string{line, strings.Replace(line, "Zqx2", "001190000001", 1), `{"type":"Zqx7"}`, `{"type":"person","Zqx6":1}`, `Zqx`} {
		_, errs := read(t, head+l)
		if len(errs) != 1 || strings.Contains(errs[0].Error(), "Zqx") {
			t.Errorf("%v", errs)
		}
	}
}

func TestAnInterruptedReadingGoesOnWhereItStopped(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for _, ref := range []string{"a", "b", "c", "d"} {
		b.WriteString(`{"type":"person","ref":"` + ref + `","numbers":[{"number":"001190000001"}],"name":"A","birth_date":"1990","sex":"male"}` + "\n")
	}
	r, err := feed.NewReader(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	offset, line := r.Offset(), r.Line()
	src := strings.NewReader(b.String())
	again, err := feed.NewReader(src)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Continue(src, offset, line); err != nil {
		t.Fatal(err)
	}
	rec, err := again.Next()
	if err != nil || rec.Person.Ref != "c" || again.Line() != 4 || !bytes.Contains(again.Raw(), []byte(`"c"`)) {
		t.Errorf("%+v, line %d: %v", rec, again.Line(), err)
	}
	if err := again.Continue(src, 3, 1); err == nil {
		t.Error("went on within the header")
	}
}

func TestEscapesReadAsTheGeneralDecoderReadsThem(t *testing.T) {
	text := `{"type":"person","ref":"p1","numbers":[{"number":"001190000001"}],"name":"\u004eguy\u1ec5n \"\\\/ \ud83d\ude00","birth_date":"1990-09","sex":"male"}`
	recs, bad := read(t, head+text)
	if len(bad) > 0 {
		t.Fatal(bad[0])
	}
	var general struct{ Name string }
	if err := json.Unmarshal([]byte(text), &general); err != nil {
		t.Fatal(err)
	}
	if p := recs[0].Person; p.Name != general.Name || p.BirthDate != (clock.Date{Year: 1990, Month: 9}) {
		t.Errorf("%+v", p)
	}
}

// FuzzReader: whatever is accepted is JSON, and writing it gives the same record.
func FuzzReader(f *testing.F) {
	doc, err := os.ReadFile("../../docs/feed.md")
	if err != nil {
		f.Fatal(err)
	}
	seeds := 0
	for l := range strings.Lines(string(doc)) {
		if strings.HasPrefix(l, `{"type"`) {
			f.Add([]byte(l))
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("docs/feed.md has no examples")
	}
	f.Add([]byte(`{"type":"person","ref":"p\u0031","numbers":[{"number":"001190000001","from":"1990"}],"name":"a\\","birth_date":"1990-09","sex":"male"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsAny(line, "\n") {
			return
		}
		recs, bad := read(t, head+string(line))
		if len(recs)+len(bad) > 1 {
			t.Fatal("one line gave several results")
		}
		if len(recs) == 0 {
			return
		}
		if !json.Valid(line) {
			t.Fatal("accepted what is not JSON")
		}
		var out bytes.Buffer
		w := feed.NewWriter(&out, feed.Header{Source: "test", AsOf: clock.Date{Year: 2026, Month: 1, Day: 1}})
		w.Record(recs[0])
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		again, bad := read(t, out.String())
		if len(bad) > 0 || len(again) != 1 || !reflect.DeepEqual(again[0], recs[0]) {
			t.Fatalf("written and read again: %v %v", again, bad)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	line := `{"type":"person","ref":"p13","numbers":[{"number":"242231284","from":"1963-08-28","to":"2016-11-22","reason":"replaced"},{"number":"066047958219","from":"2016-11-22"}],"name":"Nguyễn Công Xuân","birth_date":"1947-07-17","sex":"male","origin":{"text":"Xã Ea Tar, Huyện Cư M'gar, Tỉnh Đắk Lắk","unit":"24268","unit_from":"1900-01-01"},"nationality":"VNM","ethnicity":"Kinh","marital":"married","relations":[{"kind":"spouse","ref":"p14"},{"kind":"child","ref":"p15"}]}` + "\n"
	const n = 1000
	text := head + strings.Repeat(line, n)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if recs, bad := read(b, text); len(recs) != n || len(bad) > 0 {
			b.Fatal(len(recs), bad)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
