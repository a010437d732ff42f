// SPDX-License-Identifier: Apache-2.0

// Package issuertest is a small OpenID provider for tests of our doors: real
// HTTP, real signatures, PAR, PKCE, refresh with rotation, logout. It signs in
// whoever the test says, without asking.
//
// It refuses what a careful provider refuses (a wrong secret, a used code, a
// verifier that does not fit), so a client that forgets a step fails here.
package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Issuer is the provider. Its fields may be changed between requests under Lock.
type Issuer struct {
	sync.Mutex
	URL           string
	ClientID      string
	Secret        string
	ClientKey     crypto.PublicKey // when set: private_key_jwt with this key instead of the secret
	Subject       string           // who signs in next
	Info          map[string]any   // what userinfo releases beside sub
	Deny          string           // answer the next authorisation with this error
	Life          time.Duration    // of access tokens
	Refresh       bool             // issue refresh tokens
	WrongNonce    bool
	WrongIss      bool
	Down          bool
	TakenBack     bool         // introspection calls every token dead
	Pushed        []url.Values // every pushed request
	Refreshed     int          // successful refreshes
	Reused        int          // refresh tokens presented twice
	LoggedOut     []url.Values
	LastAuthorise url.Values

	key      *ecdsa.PrivateKey
	requests map[string]url.Values
	codes    map[string]url.Values
	access   map[string]string
	refresh  map[string]string

	assertions map[string]bool
	now        func() time.Time
}

// New starts a provider for one client.
func New(t testing.TB, clientID, secret string, now func() time.Time) *Issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &Issuer{ClientID: clientID, Secret: secret, Life: 10 * time.Minute, key: key, now: now,
		requests: map[string]url.Values{}, codes: map[string]url.Values{}, access: map[string]string{}, refresh: map[string]string{}, assertions: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", is.discovery)
	mux.HandleFunc("GET /jwks", is.jwks)
	mux.HandleFunc("POST /par", is.par)
	mux.HandleFunc("GET /authorize", is.authorize)
	mux.HandleFunc("POST /token", is.token)
	mux.HandleFunc("GET /userinfo", is.userinfo)
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil || !is.client(w, r) {
			return
		}
		is.Lock()
		defer is.Unlock()
		_, known := is.access[r.PostFormValue("token")]
		answer(w, map[string]any{"active": known && !is.TakenBack})
	})
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		is.Lock()
		is.LoggedOut = append(is.LoggedOut, r.URL.Query())
		is.Unlock()
		http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusSeeOther)
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		is.Lock()
		down := is.Down
		is.Unlock()
		if down {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	is.URL = s.URL
	return is
}

func (is *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer": is.URL, "authorization_endpoint": is.URL + "/authorize", "token_endpoint": is.URL + "/token", "jwks_uri": is.URL + "/jwks",
		"userinfo_endpoint": is.URL + "/userinfo", "pushed_authorization_request_endpoint": is.URL + "/par", "end_session_endpoint": is.URL + "/logout",
		"revocation_endpoint": is.URL + "/revoke", "introspection_endpoint": is.URL + "/introspect", "authorization_response_iss_parameter_supported": true,
		"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"pairwise"},
	})
}

func (is *Issuer) jwks(w http.ResponseWriter, _ *http.Request) {
	answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: is.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
}

func (is *Issuer) client(w http.ResponseWriter, r *http.Request) bool {
	if is.ClientKey != nil {
		t, err := jwt.ParseSigned(r.PostFormValue("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
		var c jwt.Claims
		if err == nil {
			err = t.Claims(is.ClientKey, &c)
		}
		if err == nil {
			err = c.ValidateWithLeeway(jwt.Expected{Issuer: is.ClientID, Subject: is.ClientID, AnyAudience: jwt.Audience{is.URL}, Time: is.now()}, 0)
		}
		is.Lock()
		defer is.Unlock()
		if err != nil || c.ID == "" || is.assertions[c.ID] || r.PostFormValue("client_id") != is.ClientID {
			refuse(w, http.StatusUnauthorized, "invalid_client")
			return false
		}
		is.assertions[c.ID] = true
		return true
	}
	id, secret, ok := r.BasicAuth()
	if !ok || id != url.QueryEscape(is.ClientID) || secret != url.QueryEscape(is.Secret) {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return false
	}
	return true
}

func (is *Issuer) par(w http.ResponseWriter, r *http.Request) {
	if !is.client(w, r) || r.ParseForm() != nil {
		return
	}
	is.Lock()
	defer is.Unlock()
	uri := "urn:ietf:params:oauth:request_uri:" + text()
	is.requests[uri] = r.PostForm
	is.Pushed = append(is.Pushed, r.PostForm)
	w.WriteHeader(http.StatusCreated)
	answer(w, map[string]any{"request_uri": uri, "expires_in": 60})
}

func (is *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	is.Lock()
	defer is.Unlock()
	is.LastAuthorise = r.URL.Query()
	uri := r.URL.Query().Get("request_uri")
	req := is.requests[uri]
	delete(is.requests, uri)
	if req == nil || r.URL.Query().Get("client_id") != is.ClientID {
		http.Error(w, "no such request", http.StatusBadRequest)
		return
	}
	q := url.Values{"state": {req.Get("state")}, "iss": {is.URL}}
	if is.WrongIss {
		q.Set("iss", "https://elsewhere.example")
	}
	if is.Deny != "" {
		q.Set("error", is.Deny)
		is.Deny = ""
	} else {
		code := text()
		is.codes[code] = req
		q.Set("code", code)
	}
	http.Redirect(w, r, req.Get("redirect_uri")+"?"+q.Encode(), http.StatusSeeOther)
}

func (is *Issuer) token(w http.ResponseWriter, r *http.Request) {
	if !is.client(w, r) || r.ParseForm() != nil {
		return
	}
	is.Lock()
	defer is.Unlock()
	nonce, subject := "", ""
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		req := is.codes[r.PostForm.Get("code")]
		delete(is.codes, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		if req == nil || base64.RawURLEncoding.EncodeToString(sum[:]) != req.Get("code_challenge") || r.PostForm.Get("redirect_uri") != req.Get("redirect_uri") {
			refuse(w, http.StatusBadRequest, "invalid_grant")
			return
		}
		nonce, subject = req.Get("nonce"), is.Subject
	case "refresh_token":
		var known bool
		subject, known = is.refresh[r.PostForm.Get("refresh_token")]
		if !known || subject == "" {
			if known {
				is.Reused++
			}
			refuse(w, http.StatusBadRequest, "invalid_grant")
			return
		}
		is.refresh[r.PostForm.Get("refresh_token")] = ""
		is.Refreshed++
	}
	if is.WrongNonce {
		nonce = "another"
	}
	now := is.now()
	access := text()
	is.access[access] = subject
	sum := sha256.Sum256([]byte(access))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: is.key, KeyID: "k1"}}, nil)
	if err != nil {
		panic(err)
	}
	claims := map[string]any{"iss": is.URL, "sub": subject, "aud": is.ClientID, "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "auth_time": now.Unix(),
		"sid": "s-1", "acr": "test", "amr": []string{"pwd"}, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	it, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err)
	}
	out := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(is.Life / time.Second), "id_token": it}
	if is.Refresh {
		rt := text()
		is.refresh[rt] = subject
		out["refresh_token"] = rt
	}
	answer(w, out)
}

func (is *Issuer) userinfo(w http.ResponseWriter, r *http.Request) {
	is.Lock()
	defer is.Unlock()
	token, _ := cut(r.Header.Get("Authorization"), "Bearer ")
	sub := is.access[token]
	if sub == "" {
		refuse(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	out := map[string]any{"sub": sub}
	for k, v := range is.Info {
		out[k] = v
	}
	answer(w, out)
}

func cut(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return "", false
	}
	return s[len(prefix):], true
}

func text() string {
	b := make([]byte, 24)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}
