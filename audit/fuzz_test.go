// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"danh/audit"
	"danh/internal/db"
	"danh/internal/dbtest"
)

// vector is a proof that was once given out: whatever changes in the code,
// proofs that citizens keep must go on to be good.
const vectorKey = "testdata/key.txt"

func vectors(t testing.TB) (docs [][]byte, key string) {
	t.Helper()
	raw, err := os.ReadFile(vectorKey)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("testdata/proof-*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no vectors were found")
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, b)
	}
	return docs, string(bytes.TrimSpace(raw))
}

func TestProofsThatWereGivenOutStayGood(t *testing.T) {
	if os.Getenv("DANH_WRITE_VECTORS") != "" {
		writeVectors(t)
	}
	docs, key := vectors(t)
	for _, d := range docs {
		if c, err := audit.CheckProof(d, key); err != nil || c.Size != 600 {
			t.Errorf("%+v %v", c, err)
		}
	}
}

func writeVectors(t *testing.T) {
	f := open(t, dbtest.Open(t, db.SQLite, schemas))
	people := f.record(t, 600)
	f.seal(t)
	for i, name := range map[int]string{0: "first", 299: "middle", 599: "last"} {
		list, _, err := f.ListBySubject(t.Context(), audit.Query{Subject: people[i]})
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.FindProof(t.Context(), people[i], list[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := p.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/proof-"+name+".json", doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key, err := f.VerifierKeys()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorKey, []byte(key[0]+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// No document may be good that says something else than what was given out.
func FuzzCheckProof(f *testing.F) {
	docs, key := vectors(f)
	given := map[string]bool{}
	for _, d := range docs {
		f.Add(d)
		var p audit.Proof
		if err := json.Unmarshal(d, &p); err != nil {
			f.Fatal(err)
		}
		given[said(p)] = true
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if _, err := audit.CheckProof(doc, key); err != nil {
			return
		}
		var p audit.Proof
		if err := json.Unmarshal(doc, &p); err != nil {
			t.Fatal(err)
		}
		if !given[said(p)] {
			t.Errorf("a forged proof is good:\n%s", doc)
		}
	})
}

func said(p audit.Proof) string {
	b, _ := json.Marshal([]any{p.Entry, p.Salt, p.Index})
	return string(b)
}
