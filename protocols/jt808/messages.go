package jt808

// Ids of messages from the terminal.
const (
	msgGeneralAnswer  = 0x0001
	msgHeartbeat      = 0x0002
	msgUnregister     = 0x0003
	msgTime           = 0x0004
	msgRegister       = 0x0100
	msgAuthenticate   = 0x0102
	msgParameters     = 0x0104
	msgProperties     = 0x0107
	msgUpgraded       = 0x0108
	msgTimeVendor     = 0x0109
	msgLocation       = 0x0200
	msgLocationAnswer = 0x0201
	msgLocationsBrief = 0x0210
	msgEvent          = 0x0301
	msgQuestionAnswer = 0x0302
	msgInfoDemand     = 0x0303
	msgControlAnswer  = 0x0500
	msgHeartbeat0506  = 0x0506
	msgTachograph     = 0x0700
	msgWaybill        = 0x0701
	msgDriver         = 0x0702
	msgBatch          = 0x0704
	msgCAN            = 0x0705
	msgMediaEvent     = 0x0800
	msgMediaData      = 0x0801
	msgTransparent    = 0x0900
	msgCompressed     = 0x0901
	msgZone           = 0x1007
	msgText           = 0x1300
	msgAccel          = 0x2070
	msgCompact        = 0x5501
	msgCompactStored  = 0x5502
	msgTextVendor     = 0x6006
	msgPhotoVendor    = 0x8888
)

// Ids of messages to the terminal.
const (
	msgPlatformAnswer   = 0x8001
	msgResend           = 0x8003
	msgTimeAnswer       = 0x8004
	msgRegistered       = 0x8100
	msgSetParameters    = 0x8103
	msgQueryAll         = 0x8104
	msgControl          = 0x8105
	msgQuerySome        = 0x8106
	msgQueryProperties  = 0x8107
	msgTimeVendorAnswer = 0x8109
	msgLocate           = 0x8201
	msgTrack            = 0x8202
	msgSendText         = 0x8300
	msgVehicleControl   = 0x8500
	msgMediaAnswer      = 0x8800
	msgSendTransparent  = 0x8900
	msgVideoStart       = 0x9101
	msgVideoStop        = 0x9102
	msgCompactAnswer    = 0x4401
)

// typeName is the name of a message for metrics.
func typeName(id uint16) string {
	switch id {
	case msgGeneralAnswer, msgLocationAnswer, msgControlAnswer, msgParameters, msgProperties, msgUpgraded:
		return "answer"
	case msgHeartbeat, msgHeartbeat0506:
		return "heartbeat"
	case msgUnregister:
		return "unregister"
	case msgTime, msgTimeVendor, msgZone:
		return "time"
	case msgRegister:
		return "register"
	case msgAuthenticate:
		return "authenticate"
	case msgLocation:
		return "location"
	case msgBatch, msgLocationsBrief:
		return "locations"
	case msgCompact, msgCompactStored:
		return "compact"
	case msgMediaEvent, msgMediaData, msgPhotoVendor:
		return "media"
	case msgTransparent, msgCompressed:
		return "transparent"
	case msgText, msgTextVendor, msgWaybill:
		return "text"
	case msgDriver:
		return "driver"
	case msgCAN:
		return "can"
	case msgEvent, msgQuestionAnswer, msgInfoDemand:
		return "event"
	case msgTachograph:
		return "tachograph"
	case msgAccel:
		return "acceleration"
	}
	return "unknown"
}

// message reads a whole body. A registration, an authentication and an empty heartbeat teach nothing that is worth a record.
func (c *call) message() {
	switch c.id {
	case msgRegister, msgAuthenticate, msgUnregister, msgTime, msgTimeVendor, msgZone:
	case msgLocation:
		c.one(c.body)
	case msgBatch:
		c.batch()
	default:
		c.other()
	}
}
