// SPDX-License-Identifier: Apache-2.0

package emrtd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"danh/internal/reader"
	"danh/internal/reader/agent"
)

// chunk is how much is read at once: what fits a short answer with its
// protection, padding and checksum.
const chunk = 0xDF

// MaxFile bounds a file, whatever its head says.
const MaxFile = 256 << 10

// ReadFile reads an elementary file whole.
func (s *Session) ReadFile(ctx context.Context, file uint16) ([]byte, error) {
	if _, err := s.transmit(command{ins: 0xA4, p1: 0x02, p2: 0x0C, data: []byte{byte(file >> 8), byte(file)}}); err != nil {
		return nil, fmt.Errorf("select %04X: %w", file, err)
	}
	head, err := s.readAt(0, 4)
	if err != nil {
		return nil, fmt.Errorf("read %04X: %w", file, err)
	}
	if len(head) < 2 {
		return nil, fmt.Errorf("read %04X: %w", file, ErrMessage)
	}
	n, octets, ok := length(head[1:])
	whole := 1 + octets + n
	if !ok || whole > MaxFile {
		return nil, fmt.Errorf("read %04X: %w", file, ErrMessage)
	}
	out := head[:min(len(head), whole)]
	for len(out) < whole {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part, err := s.readAt(len(out), min(chunk, whole-len(out)))
		if err != nil {
			return nil, fmt.Errorf("read %04X at %d: %w", file, len(out), err)
		}
		if len(part) == 0 || len(part) > whole-len(out) {
			return nil, fmt.Errorf("read %04X: %w", file, ErrMessage)
		}
		out = append(out, part...)
	}
	return out, nil
}

// readAt reads a part. Beyond 32,767 octets the offset stands in an object and
// the answer in another (ISO/IEC 7816-4, section 7.2.3, odd instruction).
func (s *Session) readAt(at, n int) ([]byte, error) {
	if at <= 0x7FFF {
		return s.transmit(command{ins: 0xB0, p1: byte(at >> 8), p2: byte(at), le: n})
	}
	const wrap = 4 // tag and length of the answer's object
	n = min(n, chunk-wrap)
	answer, err := s.transmit(command{ins: 0xB1, data: TLV(0x54, []byte{byte(at >> 16), byte(at >> 8), byte(at)}), le: n + wrap})
	if err != nil {
		return nil, err
	}
	tag, value, _, err := Next(answer)
	if err != nil || tag != 0x53 {
		return nil, ErrMessage
	}
	return value[:min(len(value), n)], nil
}

// Sign has the chip sign a challenge with its own key (INTERNAL AUTHENTICATE,
// Doc 9303-11, section 6.1.2).
func (s *Session) Sign(challenge []byte) ([]byte, error) {
	answer, err := s.transmit(command{ins: 0x88, data: challenge, le: 256})
	if err != nil {
		return nil, fmt.Errorf("internal authenticate: %w", err)
	}
	if len(answer) == 0 {
		return nil, fmt.Errorf("internal authenticate: %w", ErrMessage)
	}
	return answer, nil
}

// needed are the groups that the card registry asks for: zone, portrait,
// personal data, how the chip signs and by which key. Fingerprints in a chip
// (DG3) open to authorised terminals alone and are not asked for.
var needed = []int{1, 2, 13, 14, 15}

// Read reads a card's chip and has it sign the challenge.
func Read(ctx context.Context, c Card, ask reader.Ask) (agent.Content, error) {
	s, err := Open(c, ask.Access)
	if errors.Is(err, ErrAccess) {
		return agent.Content{}, errors.Join(agent.ErrAccess, err)
	}
	if err != nil {
		return agent.Content{}, err
	}
	out := agent.Content{Files: map[string][]byte{}}
	com, err := s.ReadFile(ctx, fileCOM)
	if err != nil {
		return agent.Content{}, err
	}
	out.Files["com"] = com
	if out.Files["sod"], err = s.ReadFile(ctx, fileSOD); err != nil {
		return agent.Content{}, err
	}
	for _, n := range Groups(com) {
		if !slices.Contains(needed, n) {
			continue
		}
		if out.Files[fmt.Sprintf("dg%d", n)], err = s.ReadFile(ctx, fileDG+uint16(n)); err != nil {
			return agent.Content{}, err
		}
	}
	out.Answer, err = s.Sign(ask.Challenge)
	return out, err
}

// tags are the outer tags of the data groups 1 to 16 (Doc 9303-10, table 38).
var tags = []byte{0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}

// Groups are the data groups that EF.COM lists. It is unsigned: what it leaves
// out is missed when the security object is held against the files.
func Groups(com []byte) []int {
	tag, value, _, err := Next(com)
	if err != nil || tag != 0x60 {
		return nil
	}
	for len(value) > 0 {
		if value[0] == 0x5F && len(value) > 1 { // a long tag: version objects
			value = value[1:]
		}
		tag, v, rest, err := Next(value)
		if err != nil {
			return nil
		}
		if tag == 0x5C {
			var out []int
			for _, b := range v {
				if i := slices.Index(tags, b); i >= 0 {
					out = append(out, i+1)
				}
			}
			return out
		}
		value = rest
	}
	return nil
}
