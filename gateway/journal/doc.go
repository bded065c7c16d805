// Package journal is the durable log between the sockets and the sinks: what [Log.Append] accepted is on disk when it
// returns, and every sink reads it in order with a [Reader] of its own.
//
// A journal is a folder of segment files, each filled with zeros ahead of its use (or used again under another name), so
// that a commit is one pwrite and one fdatasync that touches no metadata of the file system:
//
//	00000000000000000000.seg    records from index 0
//	00000000000000183024.seg    records from index 183024; the last one is written to
//	spare                       the next segment, prepared while there is room for it
//	identity                    random id of this folder
//	lock                        held while a Log is open
//
//	segment = header 64 | block ... | anything
//	header  = magic 4 | version 4 | base index 8 | salt 8 | zero 36 | crc32c 4
//	block   = magic 4 | length 4 | count 4 | crc32c 4 | first index 8 | salt 8 | records | zero to a multiple of 8
//	record  = length (uvarint, at most 3 bytes) | bytes
//
// Numbers are little-endian. A block's length counts its records without the padding; its checksum covers everything
// but the magic and the checksum itself. The salt is random for each life of a file: blocks of an earlier life do not count,
// and no device can place something in a frame that passes for a block.
//
// Indices count records from 0 and are never used twice for committed records. The index of a damaged record stays
// empty: readers report it as a [GapError].
package journal
