//! Wall time of the items that are counted in instructions: the same work, the same sides.

use criterion::{Criterion, criterion_group, criterion_main};
use smtpkit_benches::codec;

fn items(c: &mut Criterion) {
    for item in codec::items() {
        let mut group = c.benchmark_group(item.name);
        for mut side in item.sides {
            group.bench_function(side.name, |b| b.iter_custom(|rounds| side.time(rounds)));
        }
        group.finish();
    }
}

criterion_group!(benches, items);
criterion_main!(benches);
