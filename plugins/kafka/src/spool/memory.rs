//! The store that lives in memory only: nothing survives the process.

use super::{Seq, Store, StoreError};
use crate::lock::lock;
use crate::record::Record;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Records by sequence number.
#[derive(Default)]
pub(crate) struct MemoryStore {
    records: Mutex<BTreeMap<Seq, Arc<Record>>>,
}

impl Store for MemoryStore {
    fn append(&self, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        lock(&self.records).insert(seq, record.clone());
        Ok(())
    }

    fn replace(&self, old: Seq, seq: Seq, record: &Arc<Record>) -> Result<(), StoreError> {
        let mut records = lock(&self.records);
        records.remove(&old);
        records.insert(seq, record.clone());
        Ok(())
    }

    fn remove(&self, seqs: &[Seq], _next: Seq) -> Result<(), StoreError> {
        let mut records = lock(&self.records);
        for seq in seqs {
            records.remove(seq);
        }
        Ok(())
    }

    fn read(&self, from: Seq, to: Seq, max_bytes: u64) -> Result<Vec<(Seq, Arc<Record>)>, StoreError> {
        let mut bytes = 0;
        let records = lock(&self.records);
        let range = records.range(from..=to).map(|(seq, record)| (*seq, record.clone()));
        let within = |(_, record): &(Seq, Arc<Record>)| {
            let fits = bytes < max_bytes;
            bytes += record.size();
            fits
        };
        Ok(range.take_while(within).collect())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn durable(&self) -> bool {
        false
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }
}
