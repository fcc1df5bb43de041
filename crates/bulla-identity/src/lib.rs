//! Who am I? Device keys, key files, signed transcripts.
