//! Which partition the client will choose for a key: as librdkafka's partitioners do, so that what goes to a partition that takes
//! nothing is known before it is handed out.

use crate::settings::Partitioner;

/// A number of which the rest, divided by the number of partitions, is the partition of that key; `None` when the client may take
/// any.
pub(crate) fn spread(partitioner: Partitioner, key: Option<&[u8]>) -> Option<u32> {
    use Partitioner as P;
    let bytes = key.unwrap_or_default();
    Some(match partitioner {
        P::Random => return None,
        P::Murmur2Random | P::Fnv1aRandom if key.is_none() => return None,
        P::ConsistentRandom if bytes.is_empty() => return None,
        P::Murmur2Random | P::Murmur2 => murmur2(bytes) & 0x7fff_ffff,
        P::ConsistentRandom | P::Consistent => crc32fast::hash(bytes),
        P::Fnv1aRandom | P::Fnv1a => fnv1a(bytes).cast_signed().unsigned_abs(),
    })
}

/// MurmurHash2 with the seed of Kafka's clients.
fn murmur2(bytes: &[u8]) -> u32 {
    const FACTOR: u32 = 0x5bd1_e995;
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR) ^ (word ^ word >> 24).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(FACTOR);
    hash ^ hash >> 15
}

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Named;
    use rdkafka::{
        ClientConfig, ClientContext, Message,
        mocking::MockCluster,
        producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
    };
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    /// Key and partition of each record that was delivered.
    type Found = Arc<Mutex<Vec<(Option<Vec<u8>>, i32)>>>;

    struct Reports(Found);

    impl ClientContext for Reports {}

    impl ProducerContext for Reports {
        type DeliveryOpaque = ();

        fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
            let message = result.as_ref().unwrap();
            self.0.lock().unwrap().push((message.key().map(<[u8]>::to_vec), message.partition()));
        }
    }

    /// The client itself says where its records went.
    #[test]
    fn the_partition_of_every_key_is_that_which_the_client_takes() {
        const PARTITIONS: u32 = 7;
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", PARTITIONS as i32, 1).unwrap();
        use Partitioner as P;
        let all = [P::Murmur2Random, P::Murmur2, P::ConsistentRandom, P::Consistent, P::Fnv1aRandom, P::Fnv1a];
        for partitioner in all {
            let found = Found::default();
            let producer: BaseProducer<Reports> = ClientConfig::new()
                .set("bootstrap.servers", cluster.bootstrap_servers())
                .set("partitioner", partitioner.client_name())
                .create_with_context(Reports(found.clone()))
                .unwrap();
            let names = (0..100).map(|n| format!("{}{n}", ["", "gate-", "\u{e9}\u{ff}", "CAM00"][n % 4]).into_bytes());
            let keys: Vec<Option<Vec<u8>>> = names.map(Some).chain([None, Some(Vec::new())]).collect();
            for key in &keys {
                let record = BaseRecord::<[u8], [u8]>::to("t").payload(b"x".as_slice());
                producer.send(key.iter().fold(record, |record, key| record.key(key))).unwrap();
            }
            producer.flush(Duration::from_secs(20)).unwrap();
            let found = found.lock().unwrap();
            assert_eq!(found.len(), keys.len());
            let mut any = 0;
            for (key, partition) in found.iter() {
                match spread(partitioner, key.as_deref()) {
                    Some(spread) => assert_eq!(spread % PARTITIONS, *partition as u32, "{partitioner:?} {key:?}"),
                    None => any += 1,
                }
            }
            let random = [P::Murmur2Random, P::ConsistentRandom, P::Fnv1aRandom].contains(&partitioner);
            assert_eq!(any > 0, random, "{partitioner:?}: {any} may go anywhere");
        }
        assert_eq!(spread(P::Random, Some(b"k")), None);
    }
}
