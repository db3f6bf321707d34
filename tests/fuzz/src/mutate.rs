//! Mutations of kept inputs: inputs that are nearly right.

use fastrand::Rng;

/// Largest size of a mutated input, bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Size of a flood, bytes. Floods are larger, so that memory of many times the input size exceeds the base
/// allowance.
const FLOOD_BYTES: usize = 192 * 1024;

/// Texts with a meaning for some parser.
const TOKENS: [&[u8]; 70] = [
    b"USER ",
    b"FP ",
    b"FACE ",
    b"FVEIN ",
    b"BIODATA ",
    b"USERPIC ",
    b"BIOPHOTO ",
    b"OPLOG ",
    b"PIN=",
    b"Pin=7",
    b"Name=",
    b"Pri=14",
    b"Passwd=",
    b"Card=[15CD5B0700]",
    b"Card=",
    b"Grp=",
    b"TZ=",
    b"Verify=-1",
    b"ViceCard=",
    b"StartDatetime=",
    b"EndDatetime=",
    b"Expires=1",
    b"FID=",
    b"No=",
    b"Index=",
    b"Size=",
    b"SIZE=",
    b"Valid=3",
    b"Duress=1",
    b"Type=9",
    b"Type=1",
    b"MajorVer=",
    b"MinorVer=",
    b"Format=ZK",
    b"TMP=",
    b"Tmp=",
    b"Content=",
    b"FileName=",
    b"ID=",
    b"&Return=",
    b"&CMD=INFO",
    b"CMD=",
    b"C:1:",
    b"DATA UPDATE USERINFO ",
    b"DATA DELETE ",
    b"DATA QUERY ",
    b"SET OPTION ",
    b"\t",
    b"\n",
    b"\r\n",
    b"\0",
    b" ",
    b"&",
    b"=",
    b"==",
    b",",
    b":",
    b".",
    b"%",
    b"%00",
    b"%ff",
    b"[",
    b"]",
    b"\xff",
    b"\xc3",
    b"\xd6\xd0",
    b"\xf0\x9f\x91\x8d",
    b"\xef\xbb\xbf",
    b"?",
    b"MultiBioVersion=",
];

/// Numbers at limits of parsers.
const NUMBERS: [&[u8]; 16] = [
    b"0",
    b"-0",
    b"00",
    b"1",
    b"-1",
    b"9",
    b"10",
    b"127",
    b"255",
    b"256",
    b"65536",
    b"2147483648",
    b"-2147483649",
    b"4294967296",
    b"18446744073709551616",
    b"1e9",
];

/// The shortest separators and beginnings.
const MARKS: [&[u8]; 12] =
    [b"\t", b"\n", b" ", b"&", b"=", b",", b":", b"a", b"7", b"\xff", b"ID=1", b"USER PIN=1"];

/// Turns an input into a flood: repeats one to three tokens after its beginning. This costs the most memory.
pub fn flood(input: &mut Vec<u8>, random: &mut Rng) {
    input.truncate(random.usize(..=input.len().min(64)));
    // Separators of keys, values and lines cost the most.
    let tokens: &[&[u8]] = if random.bool() { &TOKENS } else { &MARKS };
    let tokens: Vec<&[u8]> =
        (0..random.usize(1..=3)).filter_map(|_| random.choice(tokens).copied()).collect();
    let tokens = tokens.concat();
    input.extend(tokens.repeat((FLOOD_BYTES - input.len()) / tokens.len().max(1)));
}

/// Changes `input` in one to eight places; `other` is another kept input as a source of pieces.
pub fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    for _ in 0..random.usize(1..=8) {
        once(input, other, random);
        input.truncate(MAX_BYTES);
    }
}

fn once(input: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    let place = random.usize(..=input.len());
    match random.u8(..12) {
        0 => {
            if let Some(byte) = input.get_mut(place) {
                *byte ^= 1 << random.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(place) {
                *byte = random.u8(..);
            }
        }
        2 => {
            let range = piece(input, random);
            input.drain(range);
        }
        3 => {
            let copy = input[piece(input, random)].to_vec();
            insert(input, place, &copy);
        }
        4 | 5 => insert(input, place, random.choice(TOKENS).unwrap_or_default()),
        6 => {
            let piece = &other[piece(other, random)];
            insert(input, place, piece);
        }
        7 => {
            let copy = input[piece(input, random)].to_vec();
            let copies = random.usize(2..64);
            if copy.len() * copies <= MAX_BYTES {
                insert(input, place, &copy.repeat(copies));
            }
        }
        8 => input.truncate(place),
        9 => number(input, random),
        10 => lines(input, random),
        _ => {
            let noise: Vec<u8> = (0..random.usize(1..16)).map(|_| random.u8(..)).collect();
            insert(input, place, &noise);
        }
    }
}

/// A piece of an input, mostly a short one.
fn piece(input: &[u8], random: &mut Rng) -> std::ops::Range<usize> {
    let begin = random.usize(..=input.len());
    let longest = if random.u8(..4) == 0 { input.len() } else { 32 };
    let length = random.usize(..=longest.min(input.len() - begin));
    begin..begin + length
}

fn insert(input: &mut Vec<u8>, place: usize, piece: &[u8]) {
    input.splice(place..place, piece.iter().copied());
}

/// Replaces a number by another one.
fn number(input: &mut Vec<u8>, random: &mut Rng) {
    let from = random.usize(..=input.len());
    let Some(begin) = input.iter().skip(from).position(u8::is_ascii_digit).map(|at| at + from) else {
        return;
    };
    let length = input.iter().skip(begin).take_while(|byte| byte.is_ascii_digit()).count();
    let number = random.choice(NUMBERS).unwrap_or_default();
    input.splice(begin..begin + length, number.iter().copied());
}

/// Exchanges two lines.
fn lines(input: &mut Vec<u8>, random: &mut Rng) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.len() > 1 {
        let (one, other) = (random.usize(..lines.len()), random.usize(..lines.len()));
        lines.swap(one, other);
        *input = lines.concat();
    }
}

/// Limit of the work to shrink an input, bytes. A flood ends at the result of this.
const MAX_TRIED_BYTES: usize = 16 << 20;

/// Shrinks an input while `fails` stays true: leaves out pieces.
pub fn shrink(input: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut smallest = input.to_vec();
    let mut length = smallest.len().div_ceil(2);
    let mut tried = 0;
    while length > 0 && tried < MAX_TRIED_BYTES {
        let mut begin = 0;
        while begin < smallest.len() && tried < MAX_TRIED_BYTES {
            let end = smallest.len().min(begin + length);
            let shorter = [&smallest[..begin], &smallest[end..]].concat();
            tried += shorter.len() + 64;
            if fails(&shorter) {
                smallest = shorter;
            } else {
                begin = end;
            }
        }
        length /= 2;
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_mutations_and_no_input_grows_without_limit() {
        let made = |seed| {
            let mut random = Rng::with_seed(seed);
            let mut input = b"USER PIN=7\tName=Ada\n".to_vec();
            for _ in 0..500 {
                mutate(&mut input, b"FP PIN=7\tFID=6\n", &mut random);
                assert!(input.len() <= MAX_BYTES);
            }
            input
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }

    #[test]
    fn an_input_is_shrunk_to_the_failing_part() {
        let fails = |input: &[u8]| input.windows(2).any(|window| window == b"=\t") && input.contains(&b'7');
        assert_eq!(shrink(b"USER PIN=7\tName=\tPri=0\n", fails).len(), 3);
    }
}
