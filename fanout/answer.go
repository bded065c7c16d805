package fanout

import (
	"encoding/json"
	"net/http"
)

// answer sends a small JSON object.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// failure answers with what went wrong.
func failure(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

// notFound is the answer for a vehicle that does not exist, and word for word the one for a vehicle that the caller may not see.
func notFound(w http.ResponseWriter) { failure(w, http.StatusNotFound, "no such vehicle") }
