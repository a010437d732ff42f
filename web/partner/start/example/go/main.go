// SPDX-License-Identifier: Apache-2.0

// Command example is a sign-in with Danh in Go, on coreos/go-oidc and golang.org/x/oauth2.
//
//	go mod init example && go get github.com/coreos/go-oidc/v3/oidc@v3.21.0 golang.org/x/oauth2@v0.37.0
//	ISSUER=… CLIENT_ID=… CLIENT_SECRET=… SCOPE='openid purpose:… profile' go run .
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func main() {
	at := "localhost:" + cmp.Or(os.Getenv("PORT"), "9000")
	provider, err := oidc.NewProvider(context.Background(), os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	client := oauth2.Config{ClientID: os.Getenv("CLIENT_ID"), ClientSecret: os.Getenv("CLIENT_SECRET"), Endpoint: provider.Endpoint(),
		RedirectURL: "http://" + at + "/callback"}

	// Whatever belongs to one sign-in stays with the browser that began it.
	keep := func(w http.ResponseWriter, name, value string) {
		http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: 600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
		keep(w, "state", state)
		keep(w, "nonce", nonce)
		keep(w, "verifier", verifier)
		http.Redirect(w, r, client.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("scope", os.Getenv("SCOPE"))), http.StatusFound)
	})
	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		kept := func(name string) string {
			if c, err := r.Cookie(name); err == nil {
				return c.Value
			}
			return ""
		}
		q := r.URL.Query()
		if kept("state") == "" || q.Get("state") != kept("state") || q.Get("iss") != os.Getenv("ISSUER") { // RFC 9207
			http.Error(w, "this is not an answer to a sign-in of this browser", http.StatusBadRequest)
			return
		}
		if q.Get("error") != "" {
			http.Error(w, q.Get("error")+": "+q.Get("error_description"), http.StatusForbidden)
			return
		}
		token, err := client.Exchange(r.Context(), q.Get("code"), oauth2.VerifierOption(kept("verifier")))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		raw, _ := token.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: client.ClientID}).Verify(r.Context(), raw)
		if err != nil || id.Nonce != kept("nonce") {
			http.Error(w, "the ID token is not good", http.StatusBadGateway)
			return
		}
		info, err := provider.UserInfo(r.Context(), oauth2.StaticTokenSource(token))
		if err != nil || info.Subject != id.Subject {
			http.Error(w, "no user information", http.StatusBadGateway)
			return
		}
		claims := map[string]any{}
		_ = info.Claims(&claims)
		text, _ := json.MarshalIndent(claims, "", "  ")
		fmt.Fprintf(w, "signed in: %s\n%s\n", id.Subject, text)
	})
	log.Println("open http://" + at + "/")
	log.Fatal(http.ListenAndServe(at, nil))
}
