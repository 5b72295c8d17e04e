// The other side of go_interop_test.cc: checks what it wrote with golang.org/x/mod/sumdb, or writes the same for it to check.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run peer.go check|write FOLDER
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "example.com/log"

var sizes = []int64{1, 2, 3, 7, 8, 100, 257, 1000}

func must[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "peer.go: "+format+"\n", args...)
	os.Exit(1)
}

func entry(index int64) []byte { return []byte(fmt.Sprintf("entry %d", index)) }

func read(folder, name string) string { return string(must(os.ReadFile(filepath.Join(folder, name)))) }

func write(folder, name, text string) {
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		fail("%v", err)
	}
}

// Opens a signed checkpoint with the log's key and returns its size, its root and the names of others that signed.
func open(signed string, verifier note.Verifier) (int64, tlog.Hash, *note.Note) {
	opened := must(note.Open([]byte(signed), note.VerifierList(verifier)))
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != origin || len(opened.Sigs) != 1 {
		fail("not a checkpoint of this log: %q", opened.Text)
	}
	return must(strconv.ParseInt(lines[1], 10, 64)), must(tlog.ParseHash(lines[2])), opened
}

func hashes(lines string) []tlog.Hash {
	var parsed []tlog.Hash
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		if line != "" {
			parsed = append(parsed, must(tlog.ParseHash(line)))
		}
	}
	return parsed
}

// C2SP tlog-cosignature, which x/mod does not know: checked here with the standard library alone.
func checkCosignature(opened *note.Note, vkey string) {
	parts := strings.SplitN(vkey, "+", 3)
	key := must(base64.StdEncoding.DecodeString(parts[2]))
	id := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if key[0] != 4 || fmt.Sprintf("%x", id[:4]) != parts[1] {
		fail("not a cosigner's key: %s", vkey)
	}
	for _, signature := range opened.UnverifiedSigs {
		if signature.Name != parts[0] || signature.Hash != binary.BigEndian.Uint32(id[:4]) {
			continue
		}
		blob := must(base64.StdEncoding.DecodeString(signature.Base64))[4:]
		message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(blob), opened.Text)
		if len(blob) == 72 && ed25519.Verify(key[1:], []byte(message), blob[8:]) {
			return
		}
	}
	fail("no good cosignature by %s", parts[0])
}

func check(folder string) {
	verifier := must(note.NewVerifier(read(folder, "log.vkey")))
	roots := map[int64]tlog.Hash{}
	for _, size := range sizes {
		stated, root, opened := open(read(folder, fmt.Sprintf("%d.checkpoint", size)), verifier)
		if stated != size {
			fail("checkpoint of %d says %d", size, stated)
		}
		checkCosignature(opened, read(folder, "witness.vkey"))
		roots[size] = root
		for index := int64(0); index < size; index += 1 + size/10 {
			head, signed, found := strings.Cut(read(folder, fmt.Sprintf("%d-%d.proof", size, index)), "\n\n")
			prefix := fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d", index)
			if !found || !strings.HasPrefix(head, prefix) {
				fail("not a proof: %q", head)
			}
			tree, root, _ := open(signed, verifier)
			proof := tlog.RecordProof(hashes(strings.TrimPrefix(head, prefix)))
			if err := tlog.CheckRecord(proof, tree, root, index, tlog.RecordHash(entry(index))); err != nil {
				fail("entry %d of %d: %v", index, size, err)
			}
		}
		for _, old := range sizes {
			if old >= size {
				continue
			}
			proof := tlog.TreeProof(hashes(read(folder, fmt.Sprintf("%d-%d.consistency", old, size))))
			if err := tlog.CheckTree(proof, size, roots[size], old, roots[old]); err != nil {
				fail("from %d to %d: %v", old, size, err)
			}
		}
	}
}

func lines(list []tlog.Hash) string {
	var text bytes.Buffer
	for _, hash := range list {
		fmt.Fprintln(&text, hash)
	}
	return text.String()
}

func writeAll(folder string) {
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	signer := must(note.NewSigner(must(skey, err)))
	write(folder, "log.vkey", vkey)
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		list := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			list[i] = stored[index]
		}
		return list, nil
	})
	for index := int64(0); index < sizes[len(sizes)-1]; index++ {
		stored = append(stored, must(tlog.StoredHashes(index, entry(index), reader))...)
	}
	for _, size := range sizes {
		text := fmt.Sprintf("%s\n%d\n%v\n", origin, size, must(tlog.TreeHash(size, reader)))
		signed := string(must(note.Sign(&note.Note{Text: text}, signer)))
		write(folder, fmt.Sprintf("%d.checkpoint", size), signed)
		for index := int64(0); index < size; index += 1 + size/10 {
			proof := must(tlog.ProveRecord(size, index, reader))
			head := fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d\n", index)
			write(folder, fmt.Sprintf("%d-%d.proof", size, index), head+lines(proof)+"\n"+signed)
		}
		for _, old := range sizes {
			if old < size {
				write(folder, fmt.Sprintf("%d-%d.consistency", old, size), lines(must(tlog.ProveTree(size, old, reader))))
			}
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: peer.go check|write FOLDER")
	}
	switch os.Args[1] {
	case "check":
		check(os.Args[2])
	case "write":
		writeAll(os.Args[2])
	default:
		fail("usage: peer.go check|write FOLDER")
	}
}
