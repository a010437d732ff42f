// SPDX-License-Identifier: Apache-2.0

package jsonl_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"danh/internal/jsonl"
)

type head struct {
	Source string `json:"source"`
}

type item struct {
	N int `json:"n"`
}

func check(h head, x item) (field, problem string) {
	if x.N < 0 {
		return "n", "less than nothing at " + h.Source
	}
	return "", ""
}

func open(text string) (*jsonl.Reader[head, item], error) {
	return jsonl.NewReader(strings.NewReader(text), 64, func(h head) string {
		if !jsonl.IsRef(h.Source) {
			return "needs a source"
		}
		return ""
	}, check)
}

// A file comes in portions of so many good lines; bad ones between are named and
// count for nothing.
func TestPortions(t *testing.T) {
	f, err := open(`{"source":"s"}` + "\n" + `{"n":1}` + "\n" + `{"n":-1}` + "\n" + `{"n":2}` + "\n" + `{"n":3,"m":1}` + "\n" + `{"n":3}{"n":4}` + "\n" + `{"n":5}` + "\n")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"[{{1} 2} {{2} 4}] line 3, n: less than nothing at s; false", "[{{5} 7}] line 5, line: not a JSON object of the known fields; line 6, line: not a JSON object of the known fields; true", "[] true"} {
		list, wrong, end, err := f.Some(2)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(list, " ")
		for _, w := range wrong {
			got += w.Error() + "; "
		}
		if got += fmt.Sprint(end); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

func TestWhatIsNoFeed(t *testing.T) {
	for _, bad := range []string{"", "{}", `{"source":"a b"}`, `{"source":"s","x":1}`, `{"source":"s"} {}`} {
		_, err := open(bad)
		var le *jsonl.LineError
		if !errors.As(err, &le) || le.Line != 1 || le.Field != "header" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	f, err := open(`{"source":"s"}` + "\n" + `{"n":1}` + "\n" + strings.Repeat(" ", 80) + "\n" + `{"n":2}`)
	if err != nil {
		t.Fatal(err)
	}
	if list, _, _, err := f.Some(9); err == nil || len(list) != 1 {
		t.Errorf("read on behind a line too long: %v %v", list, err)
	}
}

func TestWriteRefusesWhatItWouldNotRead(t *testing.T) {
	var le *jsonl.LineError
	if err := jsonl.Write(io.Discard, head{"s"}, []item{{1}, {-1}}, check); !errors.As(err, &le) || le.Line != 3 {
		t.Errorf("%v", err)
	}
	var b bytes.Buffer
	if err := jsonl.Write(&b, head{"s"}, []item{{1}}, check); err != nil || b.String() != `{"source":"s"}`+"\n"+`{"n":1}`+"\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}
