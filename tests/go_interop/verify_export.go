// Verifies a log that was exported, or is served over HTTP, with golang.org/x/mod/sumdb and none of this project's code:
// the checkpoint's signature, cosignatures on it, every tile against the checkpoint's root, and every entry against its
// leaf.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run verify_export.go LOG-KEY FOLDER-OR-URL [WITNESS-KEY ...]
//
// Keys are verifier key strings. Prints the size, the root, the number of tiles and entries read, and how many of the
// witnesses have cosigned; exits with 1 and the reason where anything does not fit, or one of them has not.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles have 2^8 hashes.
const height = 8

// One file of the log, from its folder or its URL prefix.
func fetch(place, name string) ([]byte, error) {
	if !strings.HasPrefix(place, "http://") {
		return os.ReadFile(filepath.Join(place, name))
	}
	response, err := http.Get(place + "/" + name)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", name, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<25))
}

// A witness of C2SP tlog-cosignature, as a verifier of notes: what x/mod leaves to its callers.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.id }
func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(c.key, append([]byte(head), text...), signature[8:])
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("not a verifier key: %s", vkey)
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	id := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if err != nil || len(key) != 33 || key[0] != 4 || fmt.Sprintf("%x", id[:4]) != parts[1] {
		return nil, fmt.Errorf("not the key of a cosigner: %s", vkey)
	}
	return cosigner{parts[0], binary.BigEndian.Uint32(id[:4]), key[1:]}, nil
}

// Reads tiles at the paths of C2SP tlog-tiles, which are those of sumdb without the height.
type tiles struct {
	folder string
	read   map[string]bool
}

func (t *tiles) Height() int { return height }

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		rest := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
		data, err := fetch(t.folder, "tile/"+rest)
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		t.read[tile.Path()] = true
		all = append(all, data)
	}
	return all, nil
}

func openCheckpoint(folder, key string, witnesses []string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	known := []note.Verifier{verifier}
	for _, witness := range witnesses {
		cosigner, err := newCosigner(witness)
		if err != nil {
			return tlog.Tree{}, err
		}
		known = append(known, cosigner)
	}
	data, err := fetch(folder, "checkpoint")
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		return tlog.Tree{}, err
	}
	signed := map[string]bool{}
	for _, signature := range opened.Sigs {
		signed[signature.Name] = true
	}
	for _, one := range known {
		if !signed[one.Name()] {
			return tlog.Tree{}, fmt.Errorf("no signature by %s", one.Name())
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// The entries of one bundle: two bytes of length, big-endian, before each.
func readBundle(folder string, index int64, count int) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: 0, N: index, W: count}
	rest := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/0/", height))
	data, err := fetch(folder, "tile/entries/"+rest)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for i := 0; i < count; i++ {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("bundle %d ends within entry %d", index, i)
		}
		size := int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:2+size])
		data = data[2+size:]
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("bundle %d has %d bytes too many", index, len(data))
	}
	return entries, nil
}

func verify(key, folder string, witnesses []string) error {
	tree, err := openCheckpoint(folder, key, witnesses)
	if err != nil {
		return err
	}
	// RFC 6962 section 2.1; older versions of tlog.TreeHash give zeros here.
	if tree.N == 0 && tree.Hash != tlog.Hash(sha256.Sum256(nil)) {
		return errors.New("the root of an empty log is another")
	}
	reader := &tiles{folder, map[string]bool{}}
	hashes := tlog.TileHashReader(tree, reader) // authenticates each tile against the tree's root
	entries := int64(0)
	for first := int64(0); first < tree.N; first += 1 << height {
		count := int(min64(tree.N-first, 1<<height))
		bundle, err := readBundle(folder, first>>height, count)
		if err != nil {
			return err
		}
		indexes := make([]int64, count)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, entry := range bundle {
			if tlog.RecordHash(entry) != leaves[i] {
				return fmt.Errorf("entry %d is not the one in the tree", first+int64(i))
			}
			entries++
		}
	}
	fmt.Printf("size %d root %v tiles %d cosigned %d entries %d\n", tree.N, tree.Hash, len(reader.read), len(witnesses), entries)
	return nil
}

func min64(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: verify_export.go LOG-KEY FOLDER-OR-URL [WITNESS-KEY ...]")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintf(os.Stderr, "verify_export.go: %v\n", err)
		os.Exit(1)
	}
}
