"""The eight CNNs of the 2024 report, from keras.applications, with two heads (F40, F41).

Head ``report``: global maximum of the feature maps, the report's dense layers (ReLU), logits.
Head ``plain``: global mean, logits.
"""

import keras
from keras import applications, layers

from gztrain.models.backbones import Backbone, make_backbone
from gztrain.models.layers import Preprocess, dense_head, images_of, logits
from gztrain.models.plan import ModelPlan

_BARE = (("include_preprocessing", False),)  # preprocessing is a layer before the backbone, in float32, for all models
BACKBONES = {
    "resnet50": Backbone(applications.ResNet50, "caffe"),
    "resnet50v2": Backbone(applications.ResNet50V2, "tf"),
    "xception": Backbone(applications.Xception, "tf"),
    "inceptionv3": Backbone(applications.InceptionV3, "tf"),
    "vgg16": Backbone(applications.VGG16, "caffe"),
    "vgg19": Backbone(applications.VGG19, "caffe"),
    "mobilenetv3small": Backbone(applications.MobileNetV3Small, "tf", _BARE),
    "mobilenetv3large": Backbone(applications.MobileNetV3Large, "tf", _BARE),
}


def build(plan: ModelPlan) -> keras.Model:
    """Build the body: float32 [B, size, size, 3], 0..255, to logits [B, outputs]."""
    backbone = BACKBONES[plan.entry.name]
    images = images_of(plan.size)
    maps = make_backbone(plan, backbone)(Preprocess(backbone.mode)(images))
    if plan.head == "report":
        features = dense_head(layers.GlobalMaxPooling2D()(maps), plan.entry.dense, "relu", plan.dropout)
        return keras.Model(images, logits(features, plan.outputs), name="body")
    features = layers.GlobalAveragePooling2D()(maps)
    return keras.Model(images, logits(features, plan.outputs, plan.dropout), name="body")
