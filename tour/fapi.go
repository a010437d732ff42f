// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// relying is a partner's side of the FAPI 2.0 Security Profile: pushed requests,
// a signed assertion, proofs of possession with the server's nonces.
type relying struct {
	http   *http.Client
	issuer string
	id     string // client_id
	key    jose.JSONWebKey
	dpop   jose.JSONWebKey
	nonce  map[string]string // by host

	at struct {
		Issuer    string `json:"issuer"`
		Push      string `json:"pushed_authorization_request_endpoint"`
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
		UserInfo  string `json:"userinfo_endpoint"`
		JWKS      string `json:"jwks_uri"`
		CIBA      string `json:"backchannel_authentication_endpoint"`
		Verify    string `json:"verification_endpoint"`
	}
	keys jose.JSONWebKeySet
}

// newRelying makes a partner with keys of its own; it has no client_id yet.
func (w *walk) newRelying() (*relying, error) {
	r := &relying{issuer: w.env.Citizen, nonce: map[string]string{}, http: &http.Client{Transport: w.wire(), Timeout: 20 * time.Second}}
	for _, into := range []*jose.JSONWebKey{&r.key, &r.dpop} {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		*into = jose.JSONWebKey{Key: k, Algorithm: string(jose.ES256), Use: "sig"}
		print, err := into.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, err
		}
		into.KeyID = base64.RawURLEncoding.EncodeToString(print)
	}
	return r, nil
}

// public is the key that the partner registers.
func (r *relying) public() ([]byte, error) { return json.Marshal(r.key.Public()) }

// discover reads the issuer's description and its keys.
func (r *relying) discover(ctx context.Context) error {
	if err := r.get(ctx, r.issuer+"/.well-known/openid-configuration", &r.at); err != nil {
		return err
	}
	if r.at.Issuer != r.issuer {
		return fmt.Errorf("the description is of the issuer %q", r.at.Issuer)
	}
	if err := r.get(ctx, r.at.JWKS, &r.keys); err != nil {
		return err
	}
	if len(r.keys.Keys) == 0 {
		return errors.New("the issuer publishes no key")
	}
	return nil
}

func (r *relying) get(ctx context.Context, address string, into any) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := r.http.Do(q)
	if err != nil {
		return err
	}
	return read(resp, http.StatusOK, into)
}

// refusal is an OAuth error answer.
type refusal struct {
	Status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Description)
}

func read(resp *http.Response, want int, into any) error {
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		e := &refusal{Status: resp.StatusCode}
		_ = json.Unmarshal(b, e)
		return e
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}

// sign writes claims as a JWT; with embed the public key stands in its header.
func (r *relying) sign(key jose.JSONWebKey, typ string, embed bool, claims any) (string, error) {
	with := key
	if embed {
		with.KeyID = ""
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: with}, (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	o, err := s.Sign(payload)
	if err != nil {
		return "", err
	}
	return o.CompactSerialize()
}

// proof binds a request to the partner's key (RFC 9449, section 4.2).
func (r *relying) proof(method string, to *url.URL, access string) (string, error) {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": to.Scheme + "://" + to.Host + to.Path, "iat": time.Now().Unix()}
	if n := r.nonce[to.Host]; n != "" {
		claims["nonce"] = n
	}
	if access != "" {
		h := sha256.Sum256([]byte(access))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(h[:])
	}
	return r.sign(r.dpop, "dpop+jwt", true, claims)
}

// send sends a request with a proof, and once more when the server wants its
// nonce in it (RFC 9449, sections 8 and 9).
func (r *relying) send(ctx context.Context, method, address, access, kind string, body func() (string, error), want int, into any) error {
	for try := 0; ; try++ {
		text, err := body()
		if err != nil {
			return err
		}
		q, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(text))
		if err != nil {
			return err
		}
		if kind != "" {
			q.Header.Set("Content-Type", kind)
		}
		proof, err := r.proof(method, q.URL, access)
		if err != nil {
			return err
		}
		q.Header.Set("DPoP", proof)
		if access != "" {
			q.Header.Set("Authorization", "DPoP "+access)
		}
		resp, err := r.http.Do(q)
		if err != nil {
			return err
		}
		if n := resp.Header.Get("DPoP-Nonce"); n != "" {
			r.nonce[q.URL.Host] = n
		}
		err = read(resp, want, into)
		var e *refusal
		if errors.As(err, &e) && e.Code == "use_dpop_nonce" && try == 0 {
			continue
		}
		return err
	}
}

// post sends a form as the client that signs for itself (RFC 7523).
func (r *relying) post(ctx context.Context, address string, v url.Values, want int, into any) error {
	return r.send(ctx, http.MethodPost, address, "", "application/x-www-form-urlencoded", func() (string, error) {
		now := time.Now()
		assertion, err := r.sign(r.key, "JWT", false, map[string]any{"iss": r.id, "sub": r.id, "aud": r.issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
		if err != nil {
			return "", err
		}
		form := url.Values{"client_id": {r.id}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
		for k, list := range v {
			form[k] = list
		}
		return form.Encode(), nil
	}, want, into)
}

// begun is a sign-in under way.
type begun struct{ address, state, nonce, verifier, redirect string }

// begin pushes a request and gives the address for the browser.
func (r *relying) begin(ctx context.Context, redirect string, v url.Values) (begun, error) {
	b := begun{state: rand.Text(), nonce: rand.Text(), verifier: rand.Text() + rand.Text(), redirect: redirect}
	h := sha256.Sum256([]byte(b.verifier))
	form := url.Values{"response_type": {"code"}, "redirect_uri": {redirect}, "state": {b.state}, "nonce": {b.nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(h[:])}, "code_challenge_method": {"S256"}}
	for k, list := range v {
		form[k] = list
	}
	var out struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}
	if err := r.post(ctx, r.at.Push, form, http.StatusCreated, &out); err != nil {
		return b, err
	}
	if !strings.HasPrefix(out.RequestURI, "urn:") || out.ExpiresIn <= 0 {
		return b, errors.New("the request was pushed, and has no name")
	}
	b.address = r.at.Authorize + "?" + url.Values{"client_id": {r.id}, "request_uri": {out.RequestURI}}.Encode()
	return b, nil
}

// granted is a token answer.
type granted struct {
	Access  string          `json:"access_token"`
	Type    string          `json:"token_type"`
	ID      string          `json:"id_token"`
	Refresh string          `json:"refresh_token"`
	Details json.RawMessage `json:"authorization_details"`

	subject, session string
	claims           map[string]any
}

// redeem exchanges the code that a browser brought and checks the ID token.
func (r *relying) redeem(ctx context.Context, b begun, brought url.Values) (*granted, error) {
	switch {
	case brought.Get("iss") != r.issuer: // RFC 9207
		return nil, fmt.Errorf("the answer is of the issuer %q", brought.Get("iss"))
	case brought.Get("state") != b.state:
		return nil, errors.New("the answer is to another request")
	case brought.Get("error") != "":
		return nil, fmt.Errorf("the partner was told %s", brought.Get("error"))
	}
	g := &granted{}
	if err := r.post(ctx, r.at.Token, url.Values{"grant_type": {"authorization_code"}, "code": {brought.Get("code")}, "redirect_uri": {b.redirect}, "code_verifier": {b.verifier}}, http.StatusOK, g); err != nil {
		return nil, err
	}
	if err := r.check(g); err != nil {
		return nil, err
	}
	if g.claims["nonce"] != b.nonce {
		return nil, errors.New("the ID token is for another sign-in")
	}
	return g, nil
}

// check verifies a token answer: bound tokens, and an ID token by the issuer,
// for this partner, now (OpenID Connect Core 1.0, section 3.1.3.7).
func (r *relying) check(g *granted) error {
	if !strings.EqualFold(g.Type, "DPoP") || g.Access == "" {
		return fmt.Errorf("the access token is of the type %q and not bound to the partner's key", g.Type)
	}
	claims, err := r.verify(g.ID, "JWT", r.id)
	if err != nil {
		return fmt.Errorf("the ID token: %w", err)
	}
	h := sha256.Sum256([]byte(g.Access))
	if claims["at_hash"] != base64.RawURLEncoding.EncodeToString(h[:16]) {
		return errors.New("the ID token is not beside this access token")
	}
	g.claims = claims
	g.subject, _ = claims["sub"].(string)
	g.session, _ = claims["sid"].(string)
	if g.subject == "" {
		return errors.New("the ID token names nobody")
	}
	return nil
}

// verify checks a JWT of the issuer's: type, signature by a published key,
// issuer, audience, and the end where there is one.
func (r *relying) verify(token, typ, audience string) (map[string]any, error) {
	o, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	h := o.Signatures[0].Protected
	if t, _ := h.ExtraHeaders[jose.HeaderType].(string); !strings.EqualFold(t, typ) {
		return nil, fmt.Errorf("its type is %q", t)
	}
	keys := r.keys.Key(h.KeyID)
	if len(keys) != 1 {
		return nil, errors.New("its key is not published")
	}
	payload, err := o.Verify(keys[0].Key)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	if claims["iss"] != r.issuer {
		return nil, fmt.Errorf("its issuer is %v", claims["iss"])
	}
	named := claims["aud"] == audience
	if list, ok := claims["aud"].([]any); ok {
		named = len(list) == 1 && list[0] == audience
	}
	if !named {
		return nil, errors.New("it is for somebody else")
	}
	if exp, ok := claims["exp"].(float64); ok && time.Now().After(time.Unix(int64(exp), 0)) {
		return nil, errors.New("it is over")
	}
	return claims, nil
}

// userInfo reads what she agreed to.
func (r *relying) userInfo(ctx context.Context, g *granted) (map[string]any, error) {
	var out map[string]any
	if err := r.send(ctx, http.MethodGet, r.at.UserInfo, g.Access, "", func() (string, error) { return "", nil }, http.StatusOK, &out); err != nil {
		return nil, err
	}
	if out["sub"] != g.subject {
		return nil, errors.New("the user information is somebody else's")
	}
	return out, nil
}

// wire is how the partner's own server reaches the issuer: like a browser's, but
// its cookies and redirects are no business of the protocol.
func (w *walk) wire() http.RoundTripper {
	if w.via != nil {
		return w.via
	}
	return w.env.transport()
}
