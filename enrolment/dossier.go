// SPDX-License-Identifier: Apache-2.0

package enrolment

import (
	"time"

	"danh/biometric"
	"danh/internal/clock"
	"danh/internal/id"
	"danh/office"
	"danh/registry/card"
	"danh/registry/immigration"
	"danh/registry/population"
)

type (
	dossierKind struct{}
	paperKind   struct{}
)

// DossierID is a dossier's key.
type DossierID = id.ID[dossierKind]

// ParseDossierID reads a dossier's key.
func ParseDossierID(s string) (DossierID, error) { return id.Parse[dossierKind](s) }

// PaperID is the key of a paper that was presented.
type PaperID = id.ID[paperKind]

// ParsePaperID reads a paper's key.
func ParsePaperID(s string) (PaperID, error) { return id.Parse[paperKind](s) }

// Kind is what a dossier is for. What each needs and gives is a dated row.
type Kind string

// The kinds.
const (
	FirstCard   Kind = "first_card" // the first card, and the account with it
	Renewal     Kind = "renewal"    // an age at which cards are renewed, or a changed entry
	Reissue     Kind = "reissue"    // lost or damaged
	Conversion  Kind = "conversion" // the 9-digit paper gives way to a chip card, then the account
	AccountOnly Kind = "account"    // a card-holder without an account
	Upgrade     Kind = "upgrade"    // an account of level 1 becomes one of level 2
	Child       Kind = "child"      // under 14, through a parent or guardian
	Ward        Kind = "ward"       // through the guardian
	Foreigner   Kind = "foreigner"  // by passport and residence card
)

// Kinds lists all of them in the order in which the console offers them.
var Kinds = []Kind{FirstCard, AccountOnly, Upgrade, Conversion, Renewal, Reissue, Child, Ward, Foreigner}

// State is where a dossier stands.
type State string

// The states.
const (
	Draft      State = "draft"      // at the counter; nothing is promised yet
	Received   State = "received"   // sent from the portal: the clock runs, no officer has it yet
	Checking   State = "checking"   // sent from the portal: its intake officer has it
	Waiting    State = "waiting"    // complete and handed in: the clock runs, the second officer has it
	Supplement State = "supplement" // something more was asked for: the clock stands
	Approved   State = "approved"   // decided; the card is being made or waits for her
	Done       State = "done"       // card handed over, or an account without a card
	Refused    State = "refused"
	Withdrawn  State = "withdrawn"
)

// Task is one thing that a dossier needs before it is complete.
type Task struct {
	Name string // applicant, contact, papers, portrait, fingerprints, match, face, review, signatures, old_card, fee
	Done bool
	Why  string // a text key: what is missing, or why it is not needed
}

// Relative is what is stated about a parent, spouse or guardian.
type Relative struct {
	Name        string
	Number      population.Number `json:",omitempty"` // kept apart: see pack
	Nationality string
}

// Applicant is what she states and the officer types.
type Applicant struct {
	Number      population.Number `json:",omitempty"`
	Name        string
	BirthDate   clock.Date
	Sex         population.Sex
	Nationality string
	Ethnicity   string
	Religion    string
	Origin      string
	Residence   string
	Phone       string
	Email       string
	Marks       string            // what can be seen of her: for the card
	OldNumber   population.Number `json:",omitempty"`
	Father      Relative
	Mother      Relative
	Spouse      Relative
	Guardian    Relative
	Document    Document // a foreigner's
}

// Document is what a foreigner presents.
type Document struct {
	Kind    immigration.Kind
	Country string
	Number  string
}

// Representative is who acts for a child or a ward: she is at the counter with
// her own account of level 2.
type Representative struct {
	Person   id.Person
	Name     string
	Tail     string // the last four digits of her number
	Relation string // father, mother, guardian
	Proof    string // registry, birth_certificate, guardianship_decision
}

// Difference is one field in which she and the registry disagree.
type Difference struct {
	Field      string // name, birth_date, father.name, …
	Registered string
	Declared   string
	AsOf       time.Time
	Source     string  // source.population, source.card, …
	Keep       string  // "" until it is resolved: registered, or declared
	Paper      PaperID // the evidence for what was declared
	Words      string
}

// Paper is a document that was presented, to be integrated or as evidence.
type Paper struct {
	ID       PaperID
	Kind     string // driving_licence, vehicle_registration, health_insurance, social_insurance, tax_number, birth_certificate, guardianship_decision, …
	Number   string
	Issued   clock.Date
	Expires  clock.Date
	Seen     bool // the original was seen and compared with the photo and the data
	SeenBy   string
	SeenAt   time.Time
	HasPhoto bool
	For      string // integrate, evidence, dependant
	Original bool   // sent as a picture, and its original is asked for
}

// Dependant is somebody whom she supports, with the paper that proves it.
type Dependant struct {
	Person   id.Person // zero when the registry does not know her
	Name     string
	Number   population.Number `json:",omitempty"`
	Birth    clock.Date
	Relation string
	Proof    string // registry, or a paper's kind
	Paper    PaperID
	Until    clock.Date
}

// FingerTaken is one finger as captured.
type FingerTaken struct {
	Position int // ISO/IEC 19794-2, 1 to 10
	Tries    int
	Quality  int // 0 to 100 of the best try
	Hints    []string
	Missing  biometric.Missing
	Source   string // reader:<counter>, upload
}

// CardPart is what a dossier says about the card that it makes.
type CardPart struct {
	Cause       card.Cause
	Fee         int    // đồng
	FeeSource   string // the rule
	Exemption   string // key of the reason why nothing is paid
	ReceiptNo   string // of the fee
	OldCard     string // "", collected, lost, none
	Looked      bool   // an officer said so; before that it is what the registry gives
	Appointment time.Time
	Card        card.ID
	State       card.State // as of the look
}

// Signed says which form was signed, by whom and how.
type Signed struct {
	Form string // enrolment, capture
	Role string // applicant, representative, intake
	How  string // screen, paper, online
	At   time.Time
	By   string
}

// Event is a step in the dossier's course.
type Event struct {
	At    time.Time
	Name  string // opened, handed_in, supplement_asked, supplemented, approved, refused, produced, handed_over, …
	By    string // the office
	Words string // what was asked for, or why: shown to her
}

// Dossier is a dossier as an officer sees it.
type Dossier struct {
	ID             DossierID
	Code           string // what she is given to track it
	Kind           Kind
	State          State
	Office         office.ID
	OfficeName     string
	Intake         id.Person // the intake officer's account
	Second         id.Person // the approver's account; zero until it is handed in
	Person         id.Person
	Foreign        bool
	Proved         bool // the visit it was opened in was proved by chip, phone or a finger on a paired reader
	Representative *Representative
	Language       string
	Version        int // of the typed data: a later save wins over nobody else's
	Applicant      Applicant
	PhoneState     string // "", sent, confirmed; carrier's answer beside it
	Carrier        string // unknown, yes, no
	Differences    []Difference
	Papers         []Paper
	Dependants     []Dependant
	HasPortrait    bool
	PortraitHints  []string
	EyesConfirmed  bool
	Fingers        []FingerTaken
	Evidence       []biometric.Evidence // verify, search, face; without the sealed part
	FaceFinding    biometric.Finding    // the intake officer's, of the side-by-side comparison
	Signed         []Signed
	Card           *CardPart // nil when the kind makes no card
	GivesLevel     int       // 0 when it gives no account
	Tasks          []Task
	OpenedAt       time.Time
	CompleteAt     time.Time // when it was handed in
	DueAt          time.Time
	Late           bool
	Asked          []string // open supplement request: text keys or words
	Answer         string   // what the counter says to it
	RefusedReason  string   // key of the dated list
	RefusedWords   string
	Events         []Event
	Mine           string   // what the caller may do: intake, second, handover, view
	Contested      []string // why another office decides: kind, unproved, search_hit, no_match, unread, disputed, locked, provisional, redrawn, retried
	Online         *OnlinePart
	NothingHeld    bool // no registry had prints of hers to compare with
}

// Ready reports whether nothing is missing before it is handed in.
func (d Dossier) Ready() bool {
	for _, t := range d.Tasks {
		if !t.Done {
			return false
		}
	}
	return d.State == Draft || d.State == Supplement
}

// Row is a dossier in the queue: no more of her than an officer needs to call
// her up.
type Row struct {
	ID        DossierID
	Code      string
	Kind      Kind
	State     State
	Name      string
	Tail      string // the last four digits of her number
	OpenedAt  time.Time
	DueAt     time.Time
	Late      bool
	Mine      string // intake, second, "" for a colleague's
	Missing   int    // tasks not done
	Abandoned bool   // its officer has left it lying: a colleague may take it up
}

// Filter narrows the queue.
type Filter struct {
	Show   string // "mine" (default), "decide" (drawn for me), "office", "handover", "closed"
	Code   string
	Before time.Time
	Limit  int
}

// Queue is a page of the queue with the figures beside it.
type Queue struct {
	Rows   []Row
	Counts map[string]int // per Filter.Show
	Next   time.Time
}
