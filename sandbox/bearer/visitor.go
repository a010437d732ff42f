// SPDX-License-Identifier: Apache-2.0

package bearer

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"danh/internal/border"
	"danh/internal/clock"
)

// Visitors is how many foreigners stand behind the named ones in the sandbox's
// immigration feed. No prints of theirs are on record.
const Visitors = 60

// WriteForeigners writes the sandbox's immigration feed: the named samples, and
// behind them people whom tours may be, one after the other.
func WriteForeigners(w io.Writer) error {
	in, err := border.NewReader(bytes.NewReader(border.Sample()))
	if err != nil {
		return fmt.Errorf("read the sample foreigners: %w", err)
	}
	var all []border.Foreigner
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the sample foreigners: %w", err)
		}
		all = append(all, f)
	}
	for i := range Visitors {
		all = append(all, visitor(i, in.Header().AsOf))
	}
	return border.Write(w, in.Header(), all)
}

var (
	visitorFamilies = []string{"TANAKA", "PARK", "MARTIN", "SCHMIDT", "ROSSI", "PHOMMA", "SOK", "NOVAK", "SILVA", "LARSEN"}
	visitorGivens   = [2][]string{{"KENJI", "MINHO", "LUC", "JONAS", "MARCO", "KEO"}, {"YUKI", "JIWOO", "MARIE", "LENA", "CHIARA", "DAO"}}
	visitorLands    = []string{"JPN", "KOR", "FRA", "DEU", "ITA", "LAO", "KHM", "CZE", "BRA", "NOR"}
)

func visitor(i int, asOf clock.Date) border.Foreigner {
	land, sex := visitorLands[i%len(visitorLands)], []string{"male", "female"}[i%2]
	given := visitorGivens[i%2]
	return border.Foreigner{
		Ref:         fmt.Sprintf("v%d", i+1),
		Name:        visitorFamilies[i%len(visitorFamilies)] + " " + given[i/len(visitorFamilies)%len(given)],
		BirthDate:   clock.Date{Year: asOf.Year - 22 - i%40, Month: 1 + i%12, Day: 1 + i%28},
		Sex:         sex,
		Nationality: land,
		Address:     fmt.Sprintf("Số %d phố Nguyễn Lương Bằng, Phường Kim Liên, Thành phố Hà Nội", i+1),
		Documents: []border.Document{
			{Kind: "passport", Country: land, Number: fmt.Sprintf("X99%05d", 10000+i), Issued: clock.Date{Year: asOf.Year - 2, Month: 3, Day: 1}, Expires: clock.Date{Year: asOf.Year + 8, Month: 2, Day: 28}},
			{Kind: "temporary", Country: "VNM", Number: fmt.Sprintf("98%04dTR", i+1), Category: "LĐ2", Issued: clock.Date{Year: asOf.Year - 1, Month: 4, Day: 1}, Expires: clock.Date{Year: asOf.Year + 4, Month: 3, Day: 31}},
		},
	}
}
