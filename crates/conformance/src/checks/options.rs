//! `table=options` (§8): the capabilities of the trial's devices. Whether the server understands them shows when
//! templates arrive.

use crate::trial::Trial;

/// A visible-light terminal: fingerprint 10, palm 12, face 58; its vendor's name contains a comma.
const VISIBLE_LIGHT: &str = "~DeviceName=SpeedFace-V5L[TD],UserCount=0,~MaxUserCount=100,PhotoFunOn=1,FingerFunOn=1,\
    FPVersion=10,~MaxFingerCount=60,FPCount=0,FaceFunOn=1,FaceVersion=58,~MaxFaceCount=6000,FaceCount=0,PvFunOn=1,PvVersion=12,\
    ~MaxPvCount=3000,PvCount=0,Language=69,~Platform=ZAM170_TFT,~OEMVendor=ZKTeco Co., Ltd.,FWVersion=ZAM170-NF-Ver1.1.27,\
    PushVersion=Ver 2.0.32S-20200506,VisilightFun=1,BioDataFun=1,BioPhotoFun=1,MultiBioDataSupport=0:1:0:0:0:0:0:0:1:1,\
    MultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1,MultiBioVersion=0:10.0:0:0:0:0:0:0:12.0:58.12";

/// The same with blanks in arrays, arrays of other lengths, and versions without a minor number.
const VISIBLE_LIGHT_ODD: &str = "~DeviceName=SpeedFace-V5L[TD],PhotoFunOn=1,FingerFunOn=1,FPVersion=10,FaceFunOn=1,\
    FaceVersion=58,PvFunOn=1,PvVersion=12,~OEMVendor=ZKTeco Co., Ltd.,FWVersion=ZAM170-NF-Ver1.1.27,VisilightFun=1,BioDataFun=1,\
    BioPhotoFun=1,MultiBioDataSupport=0: 1 :0:0:0:0:0:0:1:1:0:0,MultiBioPhotoSupport=0:0:0:0:0:0:0:0:0: 1,\
    MultiBioVersion=0:10:0:0:0:0:0:0:12.0:58.12:0:0";

/// A fingerprint-only terminal, with an algorithm that no other device has; one pair per line.
const FINGERS_12: &str = "~DeviceName=SenseFace 1\nPhotoFunOn=0\nFingerFunOn=1\nFPVersion=12\nFaceFunOn=0\nPvFunOn=0\n\
    Language=83\nFWVersion=ZAM70-NF28VA-3.3.12\nVisilightFun=0\nBioDataFun=0\nBioPhotoFun=0\n\
    MultiBioDataSupport=0:1:0:0:0:0:0:0:0:0\nMultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:0\n\
    MultiBioVersion=0:12.0:0:0:0:0:0:0:0:0\n";

/// The poll parameters of a device without users.
const EMPTY: &str = "&INFO=ZAM170-NF-Ver1.1.27,0,0,0,198.51.100.7,10,58,12,0,11110";

pub(crate) async fn check(trial: &mut Trial) {
    let Trial { a, b, c, ledger, .. } = trial;
    for (player, body, obligations, case) in [
        (a, VISIBLE_LIGHT, &[62, 69, 70][..], "pairs between commas, a comma in a value"),
        (b, VISIBLE_LIGHT_ODD, &[69, 73, 74], "arrays with blanks and of other lengths"),
        (c, FINGERS_12, &[69, 71], "one pair per line"),
    ] {
        let target = player.target("cdata", "&table=options");
        let exchange = player.post(&target, body).await;
        ledger.judge(obligations, case, &exchange, exchange.ok());
        player.poll(EMPTY).await;
        let told: Vec<_> = player.received.pop().unwrap_or_default();
        player.acknowledge(&told, 0).await;
        player.received.push(told);
    }
    trial.settle().await;
}
